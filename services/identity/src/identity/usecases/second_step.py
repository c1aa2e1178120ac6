"""The second step of a sign-in: a code of an app, a recovery code or a passkey, after the right password."""

from dataclasses import dataclass
from uuid import UUID

from chassis.tx import Tx
from identity.ceremonies import ANYBODY, Answer
from identity.domain.passkeys import Passkey
from identity.domain.seats import Seat
from identity.domain.second_factors import SecondFactorMissing, WrongSecondFactor, code_hash, seed_place
from identity.reception import Reception
from identity.store import accounts, passkeys, second_factors
from identity.usecases.security_events import raise_event


@dataclass(frozen=True)
class SecondStep:
    """What somebody gives beside the password; nothing, or one of the three."""

    totp: str | None = None
    recovery_code: str | None = None
    passkey: Answer | None = None


NOTHING_MORE = SecondStep()


async def prove(tx: Tx, reception: Reception, seat: Seat, given: SecondStep) -> bool:
    """Whether a second factor was given that holds; False when the person has none.

    SecondFactorMissing when it is missing, WrongSecondFactor when it does not hold. The caller has locked the person.
    """
    if not seat.has_second_factor:
        return False
    user_id = seat.account.id
    if given.totp is not None:
        is_right = await accept_code(tx, reception, user_id, given.totp)
    elif given.recovery_code is not None:
        is_right = await _spend_recovery_code(tx, user_id, given.recovery_code)
    elif given.passkey is not None:
        passkey = await use_passkey(tx, reception, given.passkey)
        is_right = passkey is not None and passkey.user_id == user_id
    else:
        methods = (await second_factors.methods_of(tx, user_id)).names()
        raise SecondFactorMissing("Give a second factor too.", methods=methods)
    if not is_right:
        raise WrongSecondFactor("The second factor is not right.")
    return True


async def accept_code(tx: Tx, reception: Reception, user_id: UUID, code: str) -> bool:
    """Whether a code of somebody's confirmed app is right; each is accepted once. The caller has locked the person."""
    factor = await second_factors.find(tx.session, user_id)
    if factor is None or factor.confirmed_at is None:
        return False
    return factor.accept(reception.cipher.open(factor.seed, seed_place(user_id)).decode(), code, tx.now)


async def use_passkey(tx: Tx, reception: Reception, answer: Answer) -> Passkey | None:
    """The passkey that has signed a challenge of ours, which is spent with it; None when anything is wrong."""
    ceremonies = reception.ceremonies
    named, challenge = ceremonies.named(answer), ceremonies.challenge(answer, ANYBODY, tx.now)
    user_id = await passkeys.find_owner(tx.session, named.credential_id) if named else None
    if named is None or challenge is None or user_id is None or not named.is_of(user_id):
        return None
    await accounts.lock(tx.session, user_id)
    passkey = await passkeys.find_by_credential(tx.session, user_id, named.credential_id)
    sign_count = ceremonies.sign_count(answer, challenge, passkey) if passkey else None
    if passkey is None or sign_count is None:
        return None
    if not await passkeys.spend_challenge(tx.session, challenge.digest, challenge.expires_at):
        return None
    passkey.use(sign_count, tx.now)
    return passkey


async def forget_factors(tx: Tx, user_id: UUID) -> None:
    """Take away what somebody set up for an address before anybody had shown that it is theirs (pre-hijacking)."""
    if await second_factors.forget_all(tx.session, user_id):
        what = "The second factors are older than the proof of the address: they were taken away."
        raise_event(tx, "SECOND_FACTOR_DISABLED", "HIGH", what, user_id=user_id)


async def _spend_recovery_code(tx: Tx, user_id: UUID, code: str) -> bool:
    if not await second_factors.spend_code(tx.session, user_id, code_hash(user_id, code)):
        return False
    left = (await second_factors.methods_of(tx, user_id)).recovery_codes
    raise_event(
        tx,
        "RECOVERY_CODE_USED",
        "MEDIUM",
        f"A recovery code was used to sign in; {left} are left.",
        user_id=tx.actor.id,
    )
    return True
