"""Signing in: the right password opens a session, everything else gets one and the same refusal."""

from uuid import UUID

from chassis.errors import Denied, Unauthenticated
from chassis.tx import Tx
from identity.domain.accounts import EmailNotVerified
from identity.domain.seats import Seat
from identity.domain.second_factors import SecondFactorMissing, WrongSecondFactor
from identity.domain.sessions import Session
from identity.passwords import Verdict
from identity.published import session_started
from identity.reception import Opened, Reception
from identity.store import accounts, login_attempts
from identity.usecases.acting import act_as
from identity.usecases.addresses import mail_verification
from identity.usecases.credentials import Caller, Credentials, give_back, note_refusal, spend_attempt
from identity.usecases.second_step import SecondStep, prove
from identity.usecases.security_events import raise_event

REFUSED = "The e-mail address or the password is not right, or there were too many attempts."


async def sign_in(reception: Reception, given: Credentials) -> Opened:
    """Tokens for the right password; one and the same Unauthenticated for everything else.

    Raises OrganisationInactive when the password is right and only closed organisations are left, EmailNotVerified
    when the organisation wants the address confirmed: the link is on its way then, SecondFactorMissing when the person
    has one and gave none.
    """
    async with reception.passwords.turn():
        caller = await spend_attempt(reception, given)
        verdict = await reception.passwords.verify(given.password, caller.password_hash)
        org_id = caller.choose(given.wanted) if verdict.is_right else None
        if org_id is not None:
            try:
                return await _open(reception, org_id, caller, given.second, verdict.upgraded)
            except WrongSecondFactor:
                verdict = Verdict(is_right=False)  # counted and answered like a wrong password
            except (SecondFactorMissing, Denied) as refused:
                await give_back(reception, caller.bucket)  # the password is right, and that is told
                if isinstance(refused, EmailNotVerified):
                    await mail_verification(reception, org_id, caller.candidates[0].user_id)
                raise
    note_refusal(reception, caller, verdict)
    raise Unauthenticated(REFUSED)


def start_session(
    tx: Tx, seat: Seat, *, is_strong: bool = False, how: dict[str, str] | None = None
) -> Session:
    """A session of the person in this seat, who acts from here on; told and remembered, with `how` they came in."""
    act_as(tx, seat.actor)
    session = Session.start(seat.organisation.id, seat.account.id, tx.work, tx.now)
    if is_strong:
        session.strengthen(tx.now)
    tx.add(session)
    if how is None:
        tx.record(session, "LOGIN_SUCCESS")
    else:
        tx.note(session, "LOGIN_SUCCESS", how)
    tx.publish(session_started(session))
    seat.account.last_login_at, seat.account.last_org_id = tx.now, seat.organisation.id
    return session


def enter(
    tx: Tx, seat: Seat, device_id: UUID | None, *, is_strong: bool, how: dict[str, str] | None = None
) -> Session:
    """The same after a sign-in; one on a device that the person has not used before is a security event."""
    is_new_device = device_id is None and seat.account.last_login_at is not None
    session = start_session(tx, seat, is_strong=is_strong, how=how)
    if is_new_device:
        what = "Somebody signed in on a device that had not been used before."
        raise_event(tx, "NEW_DEVICE", "LOW", what, user_id=seat.account.id)
    return session


async def _open(
    reception: Reception, org_id: UUID, caller: Caller, second: SecondStep, upgraded: str | None
) -> Opened:
    async with reception.tx() as tx:
        seat = await accounts.find_seat(tx, org_id, caller.candidates[0].user_id, lock=True)
        # Suspended, or given another password, while this one was being compared.
        if seat is None or not seat.is_open or seat.account.password_hash != caller.password_hash:
            raise Unauthenticated(REFUSED)
        act_as(tx, seat.actor)
        is_strong = await prove(tx, reception, seat, second)
        seat.check_inside(tx.work.ip)  # last: whoever has the password alone learns nothing of it
        session = enter(tx, seat, caller.device_id, is_strong=is_strong)
        seat.account.password_hash = upgraded or seat.account.password_hash
        (await login_attempts.lock(tx, caller.bucket, tx.now)).forgive(tx.now)
    mark = reception.seals.device_mark(seat.account.id, caller.device_id)
    return await reception.admit(seat, session, tx.now, device_mark=mark)
