"""Another encryption key: what the one before has sealed is sealed anew, and then the one before can go."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from services.identity.tests.place import Place
from sqlalchemy import delete, select

from identity.domain.ciphers import Cipher, Unreadable
from identity.domain.roles import Role
from identity.domain.second_factors import NO_STEP, SecondFactor, seed_place
from identity.domain.signing_keys import SigningKey
from identity.keyring import Keyring
from identity.reception import Reception
from identity.usecases import resealing
from identity.usecases.resealing import Resealed, reseal_all

OLD, NEW, LOST = b"o" * 32, b"n" * 32, b"l" * 32


@pytest.fixture(autouse=True)
async def _old_keys(place: Place) -> AsyncIterator[None]:
    """Signing keys of the old encryption key, and nobody else's apps."""
    await _empty(place)
    await _keyring(place, Cipher(OLD)).load()
    yield
    await _empty(place)


def _keyring(place: Place, cipher: Cipher) -> Keyring:
    return Keyring(place.reception.source, cipher, timedelta(seconds=300))


async def _empty(place: Place) -> None:
    async with place.reception.tx() as tx:
        await tx.session.execute(delete(SigningKey))
        await tx.session.execute(delete(SecondFactor))


async def _enrol(place: Place, key: bytes) -> UUID:
    person = await place.join(Role.SALES)
    async with place.reception.tx() as tx:
        seed = Cipher(key).seal(b"SEED", seed_place(person.id))
        tx.add(SecondFactor(user_id=person.id, seed=seed, last_step=NO_STEP, created_at=tx.now))
    return person.id


async def _opened(place: Place, cipher: Cipher, user_id: UUID) -> bytes:
    async with place.reception.tx() as tx:
        factor = await tx.session.scalar(select(SecondFactor).where(SecondFactor.user_id == user_id))
    assert factor is not None
    return cipher.open(factor.seed, seed_place(user_id))


def _rotating(place: Place) -> Reception:
    return replace(place.reception, cipher=Cipher(NEW, OLD))


async def test_afterwards_the_new_key_alone_opens_everything(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    people = [await _enrol(place, key) for key in (OLD, NEW, OLD, OLD)]
    with pytest.raises(Unreadable):
        await _keyring(place, Cipher(NEW)).load()
    assert await reseal_all(_rotating(place)) == Resealed(done=4, unreadable=0)
    for user_id in people:
        assert await _opened(place, Cipher(NEW), user_id) == b"SEED"
    await _keyring(place, Cipher(NEW)).load()
    assert await reseal_all(_rotating(place)) == Resealed(done=0, unreadable=0)


async def test_what_no_key_opens_is_counted_and_stops_nothing(place: Place) -> None:
    lost, person = await _enrol(place, LOST), await _enrol(place, OLD)
    assert await reseal_all(_rotating(place)) == Resealed(done=2, unreadable=1)
    assert await _opened(place, Cipher(NEW), person) == b"SEED"
    assert await _opened(place, Cipher(LOST), lost) == b"SEED"
