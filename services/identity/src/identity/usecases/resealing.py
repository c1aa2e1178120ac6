"""After the encryption key was replaced: everything that the one before has sealed is sealed with the present one."""

from typing import NamedTuple

import structlog

from identity.domain.ciphers import Cipher, Unreadable
from identity.domain.second_factors import SecondFactor, seed_place
from identity.reception import NOBODY, Reception
from identity.store import second_factors, signing_keys

log = structlog.get_logger()

BATCH = 200


class Resealed(NamedTuple):
    """How many values are sealed with the present key now, and how many no configured key opens."""

    done: int
    unreadable: int


async def reseal_all(reception: Reception) -> Resealed:
    """Seal anew what needs it, batch by batch: safe to repeat, and what a kill has left is done by the next call.

    Raises Unreadable for a signing key: identity does not even start with such keys.
    """
    done, unreadable = await _reseal_signing_keys(reception), 0
    after = NOBODY
    while True:
        async with reception.tx() as tx:
            factors = await second_factors.list_sealed_before(
                tx.session, reception.cipher.key_id, after, BATCH
            )
            readable = sum(_reseal_seed(reception.cipher, factor) for factor in factors)
        if not factors:
            return Resealed(done, unreadable)
        done, unreadable = done + readable, unreadable + len(factors) - readable
        after = factors[-1].user_id


def _reseal_seed(cipher: Cipher, factor: SecondFactor) -> bool:
    try:
        factor.seed = cipher.reseal(factor.seed, seed_place(factor.user_id))
    except Unreadable:
        log.warning("second_factor.unreadable", user_id=str(factor.user_id))
        return False
    return True


async def _reseal_signing_keys(reception: Reception) -> int:
    async with reception.tx() as tx:
        await signing_keys.lock(tx.session)
        before = [
            key
            for key in await signing_keys.list_all(tx.session)
            if not key.private_key.startswith(reception.cipher.key_id)
        ]
        for key in before:
            key.private_key = reception.cipher.reseal(key.private_key, key.place)
    return len(before)
