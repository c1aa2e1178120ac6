"""Signing keys: made once, encrypted, announced in time, never a wrong 401."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from services.identity.tests.place import Place
from sqlalchemy import delete, select

from chassis.auth import TokenVerifier
from chassis.errors import Unauthenticated
from chassis.testing.tokens import AUDIENCE, ISSUER
from identity.domain.ciphers import Cipher, Unreadable
from identity.domain.signing_keys import SigningKey
from identity.keyring import Keyring, OwnKeys

JWKS = "https://service.test/.well-known/jwks.json"
CIPHER = Cipher(b"k" * 32)


@pytest.fixture(autouse=True)
async def _own_keys(place: Place) -> AsyncIterator[None]:
    """Keys of this test alone: its clock makes some that begin long after the others' present."""
    await _delete(place)
    await place.keyring.load()
    yield
    await _delete(place)


def _keyring(place: Place, cipher: Cipher = CIPHER) -> Keyring:
    """The keyring of another process."""
    return Keyring(place.reception.source, cipher, timedelta(seconds=300))


async def _delete(place: Place) -> None:
    async with place.reception.tx() as tx:
        await tx.session.execute(delete(SigningKey))


async def _stored(place: Place) -> list[SigningKey]:
    async with place.reception.tx() as tx:
        return list((await tx.session.scalars(select(SigningKey).order_by(SigningKey.active_from))).all())


async def _kids(place: Place) -> list[str]:
    answer = await place.browser().get(JWKS)
    assert answer.status_code == 200
    return [key["kid"] for key in answer.json()["keys"]]


async def _signing_kid(place: Place) -> str:
    answer = await place.owner.sign_in()
    return str(jwt.get_unverified_header(answer.json()["accessToken"])["kid"])


async def test_published_keys_are_public_halves_that_may_be_cached(place: Place) -> None:
    answer = await place.browser().get(JWKS)
    assert answer.headers["cache-control"] == "public, max-age=300"
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


async def test_two_processes_make_one_first_key(place: Place) -> None:
    await _delete(place)
    rings = [_keyring(place) for _ in range(5)]
    await place.warm()
    await asyncio.gather(*(ring.load() for ring in rings))
    assert len(await _stored(place)) == 1
    assert await rings[0].published() == await rings[1].published()


async def test_private_key_is_not_readable_in_the_database(place: Place) -> None:
    (key,) = await _stored(place)
    assert b"PRIVATE" not in key.private_key
    with pytest.raises(Unreadable):
        Cipher(b"x" * 32).open(key.private_key, key.place)
    with pytest.raises(Unreadable):
        CIPHER.open(key.private_key, key.place + "other row")
    CIPHER.open(key.private_key, key.place)
    with pytest.raises(Unreadable):
        await _keyring(place, Cipher(b"x" * 32)).load()
    await _keyring(place, Cipher(b"x" * 32, previous=b"k" * 32)).load()


async def test_next_key_is_announced_before_it_signs_and_outlives_its_tokens(place: Place) -> None:
    (old,) = await _kids(place)
    await place.keyring.rotate()
    new = (await _kids(place))[1]
    assert await _kids(place) == [old, new]
    place.stand.clock.advance(seconds=601)
    assert await _signing_kid(place) == old
    place.stand.clock.advance(seconds=1)
    assert await _signing_kid(place) == new
    place.stand.clock.advance(minutes=11, seconds=-1)
    assert await _kids(place) == [old, new]
    place.stand.clock.advance(seconds=1)
    assert await _kids(place) == [new]
    await place.keyring.rotate()
    assert old not in [key.kid for key in await _stored(place)]


async def test_rotating_again_while_a_key_waits_changes_nothing(place: Place) -> None:
    first = await place.keyring.rotate()
    place.stand.clock.advance(minutes=1)
    assert await place.keyring.rotate() == first
    assert len(await _stored(place)) == 2


async def test_old_key_is_replaced_after_ninety_days_by_itself(place: Place) -> None:
    (old,) = await _kids(place)
    place.stand.clock.advance(days=90, seconds=-603)
    assert await _kids(place) == [old]
    place.stand.clock.advance(minutes=1)
    assert len(await _kids(place)) == 2
    place.stand.clock.advance(minutes=10, seconds=2)
    assert await _signing_kid(place) != old


async def test_rotation_under_load_refuses_no_valid_token(place: Place) -> None:
    """A verifier that asks as rarely as it may, against tokens of every moment of a rotation."""
    fetched: dict[str, Any] = {"at": None, "keys": []}

    async def verify(token: str) -> None:
        now = place.stand.clock.now
        if fetched["at"] is None or (now - fetched["at"]).total_seconds() >= 300:
            fetched["at"], fetched["keys"] = now, await place.keyring.published()
        kid = jwt.get_unverified_header(token)["kid"]
        assert kid in {key["kid"] for key in fetched["keys"]}

    tokens: list[tuple[str, Any]] = []
    for step in range(60):
        if step == 5:
            await place.keyring.rotate()
        now = place.stand.clock.now
        tokens.append((await place.keyring.sign({"step": step}, now), now))
        for token, made_at in tokens:
            if (now - made_at).total_seconds() < 600:
                await verify(token)
        place.stand.clock.advance(seconds=30)
    assert len({jwt.get_unverified_header(token)["kid"] for token, _ in tokens}) == 2


async def test_key_made_by_another_process_is_published_within_seconds(place: Place) -> None:
    (first,) = await _kids(place)
    await _keyring(place).rotate()
    place.stand.clock.advance(seconds=5)
    assert len(await _kids(place)) == 2
    assert await _signing_kid(place) == first


async def test_known_keys_go_on_while_the_database_is_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kid,) = await _kids(place)

    async def away() -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(place.keyring, "load", away)
    place.stand.clock.advance(minutes=5)
    assert await _kids(place) == [kid]


async def test_identity_verifies_its_tokens_with_its_own_keys(place: Place) -> None:
    verifier = TokenVerifier(OwnKeys(place.keyring), issuer=ISSUER, audience=AUDIENCE)
    token = (await place.owner.sign_in()).json()["accessToken"]
    actor = await verifier.verify(token)
    assert (actor.id, actor.org_id, actor.role) == (place.owner.id, place.owner.org_id, "OWNER")
    head, body, _ = token.split(".")
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{head}.{body}.{base64.urlsafe_b64encode(b'x' * 64).decode().rstrip('=')}")


async def test_clock_that_was_set_back_does_not_stop_anybody(place: Place) -> None:
    place.stand.clock.advance(hours=-1)
    assert await _signing_kid(place) in await _kids(place)
