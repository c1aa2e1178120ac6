"""Access tokens: every way to get in without one of identity's is refused, and the keys survive identity."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from chassis import auth
from chassis.auth import KeySet, TokenVerifier, system_actor
from chassis.errors import Unauthenticated, Unavailable
from chassis.ids import new_id
from chassis.runtime import Platform
from chassis.testing.stand import Stand
from chassis.testing.tokens import AUDIENCE, ISSUER, KEY_ID, access_token, signing_key
from sample.identity import Identity, forged
from sample.notes import NOTES


def unsigned(alg: str) -> str:
    """A token without a signature."""
    body = forged().split(".")[1]
    head = base64.urlsafe_b64encode(
        json.dumps({"alg": alg, "typ": "at+jwt", "kid": KEY_ID}).encode()
    ).decode()
    return f"{head.rstrip('=')}.{body}."


def public_key() -> bytes:
    return signing_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed_with_public_key() -> str:
    """HS256 with the public key as the secret: the classic confusion."""
    head = {"alg": "HS256", "typ": "at+jwt", "kid": KEY_ID}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, {"scope": "*"})
    ]
    signature = hmac.new(public_key(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def tampered() -> str:
    head, _, signature = forged().split(".")
    body = forged(scope="* platform").split(".")[1]
    return f"{head}.{body}.{signature}"


OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())


def now(seconds: int) -> int:
    return int(time.time()) + seconds


ATTACKS: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned("none"),
    "alg None": lambda: unsigned("None"),
    "no signature": lambda: unsigned("ES256"),
    "HS256 with the public key": signed_with_public_key,
    "tampered body": tampered,
    "wrong key": lambda: forged(OTHER_KEY),
    "other curve": lambda: forged(P384_KEY, "ES384"),
    "unknown kid": lambda: forged(headers={"kid": "other"}),
    "kid as a path": lambda: forged(headers={"kid": "../../../../dev/null"}),
    "kid as SQL": lambda: forged(headers={"kid": "x' UNION SELECT 'k"}),
    "no kid": lambda: forged(headers={"kid": None}),
    "key in the header": lambda: forged(
        OTHER_KEY, headers={"kid": "mine", "jwk": ECAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)}
    ),
    "key by address": lambda: forged(
        OTHER_KEY, headers={"kid": "mine", "jku": "https://evil.example/jwks.json"}
    ),
    "crit": lambda: forged(headers={"crit": ["exp"]}),
    "unknown crit": lambda: forged(headers={"crit": ["b64"], "b64": True}),
    "typ JWT": lambda: forged(headers={"typ": "JWT"}),
    "no typ": lambda: forged(headers={"typ": None}),
    "expired": lambda: forged(iat=now(-700), nbf=now(-700), exp=now(-60)),
    "not yet": lambda: forged(nbf=now(60)),
    "made in the future": lambda: forged(iat=now(60)),
    "other audience": lambda: forged(aud="execos-services"),
    "audience list without us": lambda: forged(aud=["other"]),
    "other issuer": lambda: forged(iss="https://evil.example"),
    "issuer prefix": lambda: forged(iss=ISSUER + ".evil.example"),
    "sub no uuid": lambda: forged(sub="admin"),
    "org no uuid": lambda: forged(org="*"),
    "ver no number": lambda: forged(ver="new"),
    "kind unknown": lambda: forged(kind="root"),
    "kind system": lambda: forged(kind="system"),
    "garbage": lambda: "garbage",
    "three dots": lambda: "...",
    "empty": lambda: "",
    "not ascii": lambda: "\u00e9.\u00e9.\u00e9",
    "huge": lambda: "a" * 20_000,
    "header no object": lambda: f"{base64.urlsafe_b64encode(b'[]').decode()}.e30.x",
}
REQUIRED = ["iss", "aud", "sub", "org", "scope", "sid", "ver", "jti", "iat", "nbf", "exp"]


async def test_valid_token_gets_in(notes: Stand) -> None:
    async with notes.anonymous(headers={"authorization": f"bearer {forged()}"}) as client:
        assert (await client.get("/api/v1/me")).status_code == 200


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_other_token_gets_in(notes: Stand, attack: str) -> None:
    header = b"Bearer " + ATTACKS[attack]().encode("latin-1")
    async with notes.anonymous() as client:
        answer = await client.get("/api/v1/me", headers=[(b"authorization", header)])
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "UNAUTHORIZED"
    assert "details" not in answer.json()["error"]


@pytest.mark.parametrize("claim", REQUIRED)
async def test_token_without_a_claim_is_refused(notes: Stand, claim: str) -> None:
    missing: dict[str, Any] = {claim: None}
    token = forged(**missing)
    async with notes.anonymous(headers={"authorization": f"Bearer {token}"}) as client:
        assert (await client.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "Token abc"])
async def test_request_without_a_bearer_token_is_refused(notes: Stand, header: str) -> None:
    async with notes.anonymous(headers={"authorization": header} if header else {}) as client:
        assert (await client.get("/api/v1/me")).status_code == 401
        token = access_token(new_id(), user_id=new_id(), scope="*")
        assert (await client.get(f"/api/v1/me?access_token={token}")).status_code in {400, 401}


async def test_verified_token_dies_with_its_expiry_although_it_is_remembered(
    notes: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier, token = notes.runtime.verifier, forged()
    assert await verifier.verify(token) is await verifier.verify(token)
    later = time.time() + 700
    monkeypatch.setattr("chassis.auth.time.time", lambda: later)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


async def test_remembered_tokens_are_bounded(notes: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_CACHED_TOKENS", 2)
    for _ in range(4):
        await notes.runtime.verifier.verify(forged())
    assert len(notes.runtime.verifier._verified) == 2


async def test_ended_session_is_refused_although_its_token_is_remembered(notes: Stand) -> None:
    verifier, token = notes.runtime.verifier, forged(sid="gone")
    await verifier.verify(token)
    verifier.deny_list.end_session("gone", time.time() + 60)
    async with notes.anonymous(headers={"authorization": f"Bearer {token}"}) as client:
        answer = await client.get("/api/v1/me")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOKEN_REVOKED")


async def test_token_older_than_its_membership_is_told_to_refresh(notes: Stand) -> None:
    user = new_id()
    token = forged(sub=str(user), org=str(notes.org_id), ver=1)
    notes.runtime.verifier.deny_list.raise_version(
        notes.org_id, user, 2, until=time.time() + 60, is_removed=False
    )
    async with notes.anonymous(headers={"authorization": f"Bearer {token}"}) as client:
        answer = await client.get("/api/v1/me")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOKEN_STALE")


@pytest.mark.parametrize(
    ("scope", "permission", "may"),
    [
        ("deals:read", "deals:read", True),
        ("deals:read", "deals:write", False),
        ("deals:*", "deals:write", True),
        ("deals:*", "dealsx:write", False),
        ("*", "deals:write", True),
        ("", "deals:read", False),
        ("*", "platform:manage", False),
        ("* ownership:*", "ownership:manage", False),
        ("* ownership:manage", "ownership:manage", True),
        ("platform:*", "platform:manage", False),
        ("platform:manage", "platform:manage", True),
    ],
)
async def test_scope_and_wildcards(notes: Stand, scope: str, permission: str, *, may: bool) -> None:
    actor = await notes.runtime.verifier.verify(forged(scope=scope))
    assert actor.may(permission) is may


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("acme.execos.localhost", 200),
        ("ACME.execos.localhost:8443", 200),
        ("acme.execos.localhost.", 200),
        ("api.execos.localhost", 200),
        ("localhost", 200),
        ("127.0.0.1:8001", 200),
        ("globex.execos.localhost", 401),
        ("acme.evil.execos.localhost", 401),
        ("globex.execos.localhost.", 401),
    ],
)
async def test_host_of_another_tenant_refuses_the_token(notes: Stand, host: str, status: int) -> None:
    runtime = replace(notes.runtime, platform=Platform(root_domain="execos.localhost"))
    stand = replace(notes, app=NOTES.app(runtime))
    async with stand.client(org_slug="acme", headers={"host": host}) as client:
        assert (await client.get("/api/v1/me")).status_code == status


def test_platform_itself_acts_without_id() -> None:
    actor = system_actor(new_id())
    assert actor.snapshot() == {"id": None, "name": "Execos", "email": None, "kind": "system"}


# ------------------------------------------------------------------------------------------ keys


@pytest.fixture
async def identity() -> AsyncIterator[Identity]:
    async with Identity().listening() as identity:
        yield identity


def verifier_of(identity: Identity, **options: Any) -> TokenVerifier:
    return TokenVerifier(KeySet(identity.url, **options), issuer=ISSUER, audience=AUDIENCE)


async def test_keys_are_fetched_once_for_many_requests(identity: Identity) -> None:
    verifier = verifier_of(identity)
    identity.delay = 0.05
    tokens = [identity.token("first") for _ in range(20)]
    await asyncio.gather(*(verifier.verify(token) for token in tokens))
    assert identity.asked == 1
    assert verifier.keys.is_loaded


async def test_new_key_is_found_when_its_first_token_comes(identity: Identity) -> None:
    verifier = verifier_of(identity)
    await verifier.verify(identity.token("first"))
    identity.keys["second"] = ec.generate_private_key(ec.SECP256R1())
    await verifier.verify(identity.token("second"))
    await verifier.verify(identity.token("first"))
    assert identity.asked == 2


async def test_withdrawn_key_is_forgotten_when_the_keys_are_fetched_again(identity: Identity) -> None:
    verifier = verifier_of(identity, max_age_seconds=0.05)
    first, other = identity.token("first"), identity.token("first")
    await verifier.verify(first)
    identity.keys = {"second": ec.generate_private_key(ec.SECP256R1())}
    await asyncio.sleep(0.1)
    with pytest.raises(Unauthenticated):
        await verifier.verify(other)


async def test_unknown_key_ids_do_not_make_a_storm(identity: Identity) -> None:
    verifier = verifier_of(identity)
    await verifier.verify(identity.token("first"))
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(forged(headers={"kid": f"unknown-{number}"}))
    assert identity.asked == 2


async def test_identity_away_leaves_the_keys_we_have(identity: Identity) -> None:
    verifier = verifier_of(identity, max_age_seconds=0.01)
    await verifier.verify(identity.token("first"))
    identity.status = 500
    await asyncio.sleep(0.05)
    for _ in range(10):
        await verifier.verify(identity.token("first"))
    assert identity.asked == 2, "a failed fetch is not repeated for each request"


async def test_identity_that_never_answered_makes_us_unavailable() -> None:
    verifier = TokenVerifier(KeySet("http://127.0.0.1:1/keys"), issuer=ISSUER, audience=AUDIENCE)
    with pytest.raises(Unavailable):
        await verifier.verify(forged())
    assert not verifier.keys.is_loaded
