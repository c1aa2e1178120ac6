"""An issuer of access tokens as identity makes them, and of every wrong one a test can think of."""

import time
import uuid
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER: Final = "https://localhost:8443"
AUDIENCE: Final = "execos"


class Issuer:
    """Signs tokens with one key and publishes it."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> dict[str, Any]:
        """The key set that `/.well-known/jwks.json` answers."""
        key = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a signed-in person; a change to None removes the claim."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(uuid.uuid4()),
            "org": str(uuid.uuid4()),
            "org_slug": "acme",
            "role": "OWNER",
            "scope": "*",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": str(uuid.uuid4()),
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(
        self,
        *,
        key: Any = None,
        algorithm: str = "ES256",
        headers: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token with changed claims, header, key or algorithm; without changes it is valid."""
        header = {"typ": "at+jwt", "kid": self.kid} | (headers or {})
        present = {name: value for name, value in header.items() if value is not None}
        signing_key = self.key if key is None else key
        return jwt.encode(self.claims(**changes), signing_key, algorithm=algorithm, headers=present)

    def bearer(self, **changes: Any) -> dict[str, str]:
        """The request header with such a token."""
        return {"authorization": f"Bearer {self.token(**changes)}"}
