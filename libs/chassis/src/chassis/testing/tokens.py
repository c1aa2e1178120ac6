"""Access tokens of tests, signed with a key of this process."""

import time
from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm

from chassis.auth import ALGORITHM, TOKEN_TYPE, KeySet
from chassis.ids import new_id

ISSUER = "https://issuer.test"
AUDIENCE = "execos"
KEY_ID = "test-key"


@cache
def signing_key() -> ec.EllipticCurvePrivateKey:
    """The key that signs every token of this process."""
    return ec.generate_private_key(ec.SECP256R1())


class LocalKeys(KeySet):
    """A key set that knows the key of this process and asks nobody."""

    def __init__(self) -> None:
        super().__init__("http://nobody.invalid")
        public = ECAlgorithm.to_jwk(signing_key().public_key(), as_dict=True)
        self._keys = {KEY_ID: PyJWK({**public, "kid": KEY_ID, "alg": ALGORITHM})}

    async def refresh(self) -> None:
        """Nothing to fetch."""

    async def key(self, kid: str) -> PyJWK:
        """The key of this process, or what the real key set says of an unknown one."""
        self._fetched_at = float("inf")
        return await super().key(kid)


def access_token(org_id: UUID, *, user_id: UUID, scope: Iterable[str], **claims: Any) -> str:
    """A token as identity makes them; `claims` replace or (None) remove single ones."""
    now = int(time.time())
    values = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "org": str(org_id),
        "org_slug": "test",
        "role": "ADMIN",
        "scope": " ".join(sorted(scope)),
        "name": "Test Person",
        "email": "person@test.example",
        "sid": str(new_id()),
        "ver": 1,
        "jti": str(new_id()),
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "auth_time": now,
    } | claims
    headers = {"kid": KEY_ID, "typ": TOKEN_TYPE}
    return jwt.encode(
        {name: value for name, value in values.items() if value is not None},
        signing_key(),
        algorithm=ALGORITHM,
        headers=headers,
    )
