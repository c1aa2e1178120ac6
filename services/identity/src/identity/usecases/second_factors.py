"""What people do with their second factors: enrol an app, confirm it, take it away, get new recovery codes."""

from typing import NamedTuple
from uuid import UUID

import segno

from chassis.errors import Conflict, Invalid
from chassis.tenants import SecondFactorRequired
from chassis.tx import Tx
from identity.domain.second_factors import (
    NO_STEP,
    RecoveryCode,
    SecondFactor,
    check_removable,
    code_hash,
    new_codes,
    new_secret,
    provisioning_uri,
    seed_place,
)
from identity.domain.sessions import EndReason, Session
from identity.passwords import Verdict
from identity.reception import Reception
from identity.store import accounts, login_attempts, second_factors
from identity.usecases.addresses import current_email
from identity.usecases.credentials import (
    NOT_RIGHT,
    Caller,
    Credentials,
    confirm,
    note_refusal,
    spend_attempt,
)
from identity.usecases.second_step import accept_code
from identity.usecases.security_events import raise_event
from identity.usecases.sessions import end_others, lock_current, own_id


class Enrolment(NamedTuple):
    """A seed for an authenticator app, as text, as address and as picture."""

    secret: str
    uri: str
    qr_svg: str


class Proof(NamedTuple):
    """What somebody shows who takes their app away: one of the two."""

    password: str | None
    code: str | None
    device_mark: str | None


async def enroll_totp(tx: Tx, reception: Reception) -> Enrolment:
    """A new seed, which opens nothing until a code of it is given; an older one without that is void."""
    session = await lock_self(tx)
    user_id = session.user_id
    await check_strong(tx, session)
    factor = await second_factors.find(tx.session, user_id)
    if factor is not None and factor.confirmed_at is not None:
        raise Conflict("You have an authenticator app; take it away first.")
    secret = new_secret()
    seed = reception.cipher.seal(secret.encode(), seed_place(user_id))
    if factor is None:
        tx.add(SecondFactor(user_id=user_id, seed=seed, last_step=NO_STEP, created_at=tx.now))
    else:
        factor.seed, factor.created_at = seed, tx.now
    tx.record(session, "SECOND_FACTOR_ENROLL")
    uri = provisioning_uri(secret, tx.actor.email or "")
    return Enrolment(secret, uri, segno.make(uri, error="m").svg_inline(scale=4))


async def confirm_totp(tx: Tx, reception: Reception, code: str) -> list[str]:
    """The app works: from now on sign-ins need it, and this session has given it. New recovery codes."""
    session = await lock_self(tx)
    user_id = session.user_id
    factor = await second_factors.find(tx.session, user_id)
    if factor is None or factor.confirmed_at is not None:
        raise Conflict("There is no authenticator app to confirm.")
    await check_strong(tx, session)
    factor.confirmed_at = tx.now
    if not await accept_code(tx, reception, user_id, code):
        raise Invalid.field("code", "is not right")
    note_enabled(tx, session, "An authenticator app was added.")
    return await _replace_codes(tx, user_id)


async def renew_codes(tx: Tx) -> list[str]:
    """New recovery codes; the older ones are void."""
    session = await lock_self(tx)
    user_id = session.user_id
    if not (await second_factors.methods_of(tx, user_id)).factors:
        raise Conflict("There is no second factor that the codes could stand in for.")
    await check_strong(tx, session)
    tx.record(session, "RECOVERY_CODES_RENEW")
    return await _replace_codes(tx, user_id)


async def disable_totp(tx: Tx, reception: Reception, proof: Proof) -> None:
    """Take the app away: with a code of it, or with the password in a session in which a second factor was given.

    Invalid when the proof is not right, which costs attempts as signing in does.
    """
    caller = (
        await _check_password(tx, reception, proof) if proof.password else await _spend(tx, reception, proof)
    )
    session = await lock_self(tx)
    factor = await second_factors.find(tx.session, session.user_id)
    if factor is None or factor.confirmed_at is None:
        raise Conflict("You have no authenticator app.")
    if proof.password is not None:
        await check_strong(tx, session)
    elif not await accept_code(tx, reception, session.user_id, proof.code or ""):
        note_refusal(reception, caller, Verdict(is_right=False))
        raise Invalid.field("code", NOT_RIGHT)
    (await login_attempts.lock(tx, caller.bucket, tx.now)).forgive(tx.now)
    await tx.session.delete(factor)
    await remove_factor(tx, session, "The authenticator app was taken away.")


async def lock_self(tx: Tx) -> Session:
    """The session of whoever acts, after the person: changes of somebody's factors happen one after the other."""
    await accounts.get(tx.session, own_id(tx.actor))
    return await lock_current(tx, tx.actor)


async def check_strong(tx: Tx, session: Session) -> None:
    """Raise SecondFactorRequired when the person has second factors and this session has given none.

    Otherwise whoever knows the password alone and finds an old session could add a factor of their own.
    """
    if not session.is_strong and (await second_factors.methods_of(tx, session.user_id)).factors:
        raise SecondFactorRequired("Sign in with your second factor first.")


def note_enabled(tx: Tx, session: Session, told: str) -> None:
    """A factor was added and given in this session."""
    session.strengthen(tx.now)
    tx.record(session, "SECOND_FACTOR_ENABLE")
    raise_event(tx, "SECOND_FACTOR_ENABLED", "LOW", told, user_id=tx.actor.id)


async def remove_factor(tx: Tx, session: Session, told: str) -> None:
    """What follows from taking a factor away; SecondFactorNeeded when it may not go."""
    user_id = session.user_id
    left = (await second_factors.methods_of(tx, user_id)).factors
    check_removable(left, await second_factors.list_requirements(tx.session, user_id))
    if not left:
        await second_factors.forget_codes(tx.session, user_id)
        session.second_factor_at = None
    tx.record(session, "SECOND_FACTOR_DISABLE")
    raise_event(tx, "SECOND_FACTOR_DISABLED", "MEDIUM", told, user_id=tx.actor.id)
    await end_others(tx, tx.actor, EndReason.FACTOR_REMOVED)


async def _replace_codes(tx: Tx, user_id: UUID) -> list[str]:
    await second_factors.forget_codes(tx.session, user_id)
    codes = new_codes()
    for code in codes:
        tx.add(RecoveryCode(user_id=user_id, code_hash=code_hash(user_id, code), created_at=tx.now))
    return codes


async def _check_password(tx: Tx, reception: Reception, proof: Proof) -> Caller:
    async with reception.passwords.turn():
        return await confirm(reception, await _credentials(tx, reception, proof), "password")


async def _spend(tx: Tx, reception: Reception, proof: Proof) -> Caller:
    caller = await spend_attempt(reception, await _credentials(tx, reception, proof))
    if not caller.is_free:
        note_refusal(reception, caller, Verdict(is_right=False))
        raise Invalid.field("code", NOT_RIGHT)
    return caller


async def _credentials(tx: Tx, reception: Reception, proof: Proof) -> Credentials:
    email = await current_email(reception, tx.actor)
    return Credentials(email, proof.password or "", frozenset(), proof.device_mark)
