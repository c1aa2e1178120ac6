"""What OpenID providers say: only what they have signed, for us and for this sign-in, is believed."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import orjson
import pytest
from joserfc.jwk import RSAKey
from services.identity.tests.oidc import AWAY, HOME, REFUSED, finish, sign_in, start, trust, vouches
from services.identity.tests.openid import CLIENT, RogueProvider, StandardProvider
from services.identity.tests.place import Place

from identity.domain.roles import Role
from identity.providers import Providers


async def test_an_address_that_is_told_beside_the_token_counts_too(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    rogue.userinfo = {"email": person.email, "email_verified": True}
    assert await sign_in(trusting, rogue) == f"{HOME}/"
    rogue.userinfo["sub"] = "somebody else"
    assert await sign_in(trusting, rogue) == REFUSED


async def test_a_new_key_of_the_provider_is_fetched(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    await sign_in(trusting, rogue)
    await sign_in(trusting, rogue)
    assert rogue.asked.count("/jwks") == 1
    assert rogue.asked.count("/.well-known/openid-configuration") == 1
    rogue.key = RSAKey.generate_key(2048, {"kid": "second"})
    provider = trusting.stand.runtime.part(Providers).named("rogue")
    assert provider._keys is not None
    provider._keys = provider._keys._replace(at=provider._keys.at - 60)
    assert await sign_in(trusting, rogue) == f"{HOME}/"
    assert rogue.asked.count("/jwks") == 2


async def test_unknown_keys_do_not_make_us_ask_again_and_again(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    await sign_in(trusting, rogue)
    rogue.sign = lambda _, claims: rogue.signed(claims, RSAKey.generate_key(2048, {"kid": "unknown"}))
    for _ in range(3):
        assert await sign_in(trusting, rogue) == REFUSED
    assert rogue.asked.count("/jwks") == 1


async def test_a_provider_may_keep_the_secret_in_the_body(trusting: Place, standard: StandardProvider):
    metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    from identity.providers import _auth_method  # noqa: PLC0415 - one line of the standard

    assert _auth_method(metadata) == "client_secret_post"
    assert _auth_method({}) == "client_secret_basic"


def _unsigned(_: RogueProvider, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", algorithm="none")


def _by_hmac(secret: bytes, claims: dict[str, Any]) -> str:
    """By hand, because no library helps with what it takes for an attack."""
    parts = [{"alg": "HS256", "kid": "first"}, claims]
    signed = ".".join(urlsafe_b64encode(orjson.dumps(each)).decode().rstrip("=") for each in parts)
    signature = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def _by_shared_secret(_: RogueProvider, claims: dict[str, Any]) -> str:
    """As the standard allows it, and we do not: whoever has seen our secret could let anybody in."""
    return _by_hmac(CLIENT["clientSecret"].encode(), claims)


def _by_public_key(rogue: RogueProvider, claims: dict[str, Any]) -> str:
    """With what everybody knows as the secret."""
    return _by_hmac(rogue.key.as_pem(private=False), claims)


def _by_another_key(rogue: RogueProvider, claims: dict[str, Any]) -> str:
    return rogue.signed(claims, RSAKey.generate_key(2048, {"kid": "first"}))


def _tampered(rogue: RogueProvider, claims: dict[str, Any]) -> str:
    head, _, signature = rogue.signed(claims).split(".")
    other = rogue.signed(claims | {"sub": "somebody else"}).split(".")[1]
    return f"{head}.{other}.{signature}"


@pytest.mark.parametrize("sign", [_unsigned, _by_shared_secret, _by_public_key, _by_another_key, _tampered])
async def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    trusting: Place, rogue: RogueProvider, sign: Callable[[RogueProvider, dict[str, Any]], str]
):
    vouches(rogue, await trusting.join(Role.SALES))
    rogue.sign = sign
    assert await sign_in(trusting, rogue) == REFUSED


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://another.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": "another", "azp": "execos"},
        {"aud": ["execos", "another"]},
        {"aud": ["execos", "another"], "azp": "another"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
        {"at_hash": "another"},
    ],
)
async def test_a_token_for_something_else_opens_nothing(
    trusting: Place, rogue: RogueProvider, claims: dict[str, Any]
):
    vouches(rogue, await trusting.join(Role.SALES), **claims)
    assert await sign_in(trusting, rogue) == REFUSED


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        ((400, {"error": "invalid_grant"}), REFUSED),
        ((401, {"error": "invalid_client"}), REFUSED),
        ((200, {"access_token": "opaque", "token_type": "Bearer"}), REFUSED),
        ((200, {"access_token": "opaque", "token_type": "Bearer", "id_token": "x.y.z"}), REFUSED),
        ((200, {"access_token": "opaque", "token_type": "Bearer", "id_token": 7}), REFUSED),
        ((200, b"<html>"), AWAY),
        ((200, b"[]"), AWAY),
        ((500, {}), AWAY),
    ],
)
async def test_a_provider_that_gives_no_token_signs_nobody_in(
    trusting: Place, rogue: RogueProvider, reply: tuple[int, Any], end: str
):
    vouches(rogue, await trusting.join(Role.SALES))
    rogue.reply = lambda _: reply
    assert await sign_in(trusting, rogue) == end


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://plain.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
async def test_a_provider_that_speaks_for_another_is_not_asked(
    trusting: Place, rogue: RogueProvider, metadata: dict[str, Any]
):
    rogue.metadata = metadata
    answer = await trusting.browser().get("/auth/oidc/rogue/start")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")


async def test_a_provider_that_is_away_is_said_to_be(trusting: Place, rogue: RogueProvider):
    vouches(rogue, await trusting.join(Role.SALES))
    browser = trusting.browser()
    callback = rogue.sign_in(await start(browser))
    trust(trusting, rogue="http://127.0.0.1:9")
    answer = await browser.get("/auth/oidc/rogue/start")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert answer.headers["retry-after"]
    assert (await finish(browser, callback)).headers["location"] == AWAY
