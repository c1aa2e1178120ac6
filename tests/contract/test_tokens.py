"""Forged, stolen and spoiled access tokens (design/security.md 10), against the port of every service."""

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.contract.operations import operations
from tests.contract.organisations import Organisation
from tests.contract.platform import ORDER, ROOT_DOMAIN

from chassis.auth import REQUIRED_CLAIMS
from identity.domain.roles import Role
from identity.keyring import OpenedKey

DOORS = {
    service: next(
        each.path
        for each in operations()
        if each.service == service
        and each.method == "GET"
        and not each.has_id
        and not each.is_public
        and not each.is_platform
    )
    for service in ORDER
}
PAGE = 3600

Claims = dict[str, Any]
Forge = Callable[[Claims, OpenedKey], str]


def sealed(
    claims: Claims, key: OpenedKey, *, private: Any = None, algorithm: str = "ES256", **header: Any
) -> str:
    """A token, as identity makes them but for what is given."""
    headers = {"kid": key.kid, "typ": "at+jwt"} | header
    return jwt.encode(claims, private or key.private, algorithm=algorithm, headers=headers)


def _public_pem(key: OpenedKey) -> bytes:
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _unsigned(claims: Claims, algorithm: str) -> str:
    parts = [{"alg": algorithm, "typ": "at+jwt"}, claims]
    encoded = [base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


def _confused(claims: Claims, key: OpenedKey) -> str:
    """Signed by HMAC with the public key, which everybody knows, as its secret."""
    header = {"alg": "HS256", "typ": "at+jwt", "kid": key.kid}
    signed = ".".join(
        base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in (header, claims)
    )
    # Beside the library, which refuses to sign with such a key.
    signature = hmac.digest(_public_pem(key), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _without(name: str) -> Forge:
    return lambda claims, key: sealed({k: value for k, value in claims.items() if k != name}, key)


def _with(**other: Any) -> Forge:
    return lambda claims, key: sealed(claims | other, key)


def _header(**header: Any) -> Forge:
    return lambda claims, key: sealed(claims, key, **header)


OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = int(time.time())

ATTACKS: Mapping[str, Forge] = {
    "no signature": lambda claims, _key: _unsigned(claims, "none"),
    "no signature, spelled otherwise": lambda claims, _key: _unsigned(claims, "nOnE"),
    "algorithm without signature": lambda claims, _key: _unsigned(claims, "ES256"),
    "public key as secret": _confused,
    "another key under our key id": lambda claims, key: sealed(claims, key, private=OTHER_KEY),
    "another algorithm under our key id": lambda claims, key: sealed(
        claims, key, private=RSA_KEY, algorithm="RS256"
    ),
    "unknown key id": _header(kid="nobody"),
    "key id that is a path": _header(kid="../../../../dev/null"),
    "key id that is SQL": _header(kid="' OR 1=1 --"),
    "key in the token": lambda claims, key: sealed(
        claims,
        key,
        private=OTHER_KEY,
        jwk=dict(jwt.algorithms.ECAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)),
    ),
    "keys at an address of theirs": _header(kid="nobody", jku="https://evil.example/jwks.json"),
    "critical header": _header(crit=["exp"], exp=NOW + PAGE),
    "another type of token": _header(typ="JWT"),
    "expired": _with(exp=NOW - 60),
    "not valid yet": _with(nbf=NOW + PAGE),
    "made in the future": _with(iat=NOW + PAGE),
    "another audience": _with(aud="execos-services"),
    "another issuer": _with(iss="https://evil.example"),
    "the beginning of our issuer": lambda claims, key: sealed(claims | {"iss": claims["iss"][:-1]}, key),
    "a person that is no id": _with(sub="admin"),
    "an organisation that is no id": _with(org="*"),
    "the platform itself": _with(kind="system"),
    "a version that is no number": _with(ver="many"),
    **{f"without {name}": _without(name) for name in REQUIRED_CLAIMS},
}
BROKEN = ("", "x", "..", "a.b.c", "é", "null", "Bearer", "." * 5000, "A" * 7000)


@pytest.fixture
async def claims(organisation: Organisation) -> Claims:
    """What a good token of the owner says."""
    token = (await organisation.client()).headers["authorization"].partition(" ")[2]
    said: Claims = jwt.decode(token, options={"verify_signature": False})
    return said


@pytest.fixture
def key(organisation: Organisation) -> OpenedKey:
    """The key that identity signs with."""
    return organisation.platform.place.keyring._keys[-1]


async def _ask(organisation: Organisation, service: str, token: str, **headers: str) -> Any:
    sent = {name.encode(): value.encode() for name, value in headers.items()}
    async with organisation.platform.client() as client:
        bearer = {b"authorization": b"Bearer " + token.encode()}
        return await client.get(DOORS[service], headers=sent | bearer)


@pytest.mark.parametrize("service", ORDER)
async def test_identitys_own_token_opens_every_service(
    service: str, organisation: Organisation, claims: Claims, key: OpenedKey
):
    assert (await _ask(organisation, service, sealed(claims, key))).status_code == 200


@pytest.mark.parametrize("service", ORDER)
@pytest.mark.parametrize("attack", ATTACKS)
async def test_forged_token_opens_nothing(
    service: str, attack: str, organisation: Organisation, claims: Claims, key: OpenedKey
):
    answer = await _ask(organisation, service, ATTACKS[attack](claims, key))
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"]["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("service", ORDER)
async def test_what_is_no_token_opens_nothing(service: str, organisation: Organisation):
    for token in BROKEN:
        answer = await _ask(organisation, service, token)
        assert answer.status_code == 401, f"{token[:20]!r}: {answer.text}"


@pytest.mark.parametrize("service", ORDER)
async def test_a_token_counts_in_its_header_alone(
    service: str, organisation: Organisation, claims: Claims, key: OpenedKey
):
    token = sealed(claims, key)
    async with organisation.platform.client(cookie=f"access_token={token}") as client:
        for query in ("access_token", "token", "jwt"):
            answer = await client.get(DOORS[service], params={query: token})
            assert answer.status_code in {400, 401}, answer.text
        assert (await client.get(DOORS[service])).status_code == 401


@pytest.mark.parametrize("service", ORDER)
async def test_identity_headers_from_outside_mean_nothing(service: str, organisation: Organisation):
    forged = {
        "x-user-id": str(organisation.owner.id),
        "x-org-id": str(organisation.id),
        "x-scope": "*",
        "x-role": "OWNER",
    }
    async with organisation.platform.client(**forged) as client:
        assert (await client.get(DOORS[service])).status_code == 401


@pytest.mark.parametrize("service", ORDER)
async def test_a_token_opens_only_the_host_of_its_organisation(
    service: str, organisation: Organisation, claims: Claims, key: OpenedKey
):
    token = sealed(claims, key)
    own = await _ask(organisation, service, token, host=f"{organisation.owner.slug}.{ROOT_DOMAIN}")
    assert own.status_code == 200, own.text
    for host in (f"other-{uuid4().hex[:8]}.{ROOT_DOMAIN}", f"platform.{ROOT_DOMAIN}"):
        answer = await _ask(organisation, service, token, host=host)
        assert answer.status_code in {401, 404}, answer.text


@pytest.mark.parametrize("service", ORDER)
async def test_a_changed_payload_under_a_good_signature_opens_nothing(
    service: str, organisation: Organisation, claims: Claims, key: OpenedKey
):
    header, _, signature = sealed(claims, key).split(".")
    payload = base64.urlsafe_b64encode(
        orjson.dumps(claims | {"role": Role.OWNER, "org": str(uuid4())})
    ).rstrip(b"=")
    answer = await _ask(organisation, service, f"{header}.{payload.decode()}.{signature}")
    assert answer.status_code == 401
