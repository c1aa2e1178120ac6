"""What becomes of a session: refreshed, reused, moved to another organisation, ended."""

from uuid import UUID

from chassis.auth import Actor, TokenRevoked
from chassis.errors import Denied, NotFound, Unauthenticated
from chassis.tx import Tx
from identity.domain.refresh_tokens import Spent
from identity.domain.seats import NotAMember, Seat
from identity.domain.sessions import EndReason, Refreshed, Session
from identity.published import session_refreshed, session_reuse_detected, session_revoked
from identity.reception import Opened, Reception
from identity.store import accounts, sessions
from identity.usecases.acting import act_as, acting_in
from identity.usecases.security_events import raise_event

NOT_VALID = "The refresh token is not valid; sign in again."


async def refresh(reception: Reception, token: str | None, wanted: frozenset[str]) -> Opened:
    """New tokens for the newest refresh token; what was found out about a bad one is kept, then Unauthenticated."""
    spent = reception.seals.read_refresh_token(token) if token else None
    if spent is None:
        raise Unauthenticated(NOT_VALID)
    async with reception.tx() as tx:
        found = await accounts.find_session(tx, spent.session_id)
        is_accepted = found is not None and _spend(tx, *found, spent, wanted)
    if found is None or not is_accepted:
        raise Unauthenticated(NOT_VALID)
    session, seat = found
    return await reception.admit(seat, session, tx.now)


async def sign_out(reception: Reception, session_id: UUID | None) -> None:
    """End a session; one that is unknown or over already is over."""
    if session_id is None:
        return
    async with reception.tx() as tx:
        session = await sessions.lock(tx.session, session_id)
        if session is None or session.ended_at is not None:
            return
        seat = await accounts.find_seat(tx, session.org_id, session.user_id)
        if seat is not None:
            act_as(tx, seat.actor)
            end_session(tx, session, EndReason.LOGOUT, "LOGOUT")


async def switch_organisation(
    reception: Reception, actor: Actor, org_id: UUID, wanted: frozenset[str]
) -> Opened:
    """Go on in another organisation: token and session move together (W6).

    NotAMember without a membership there; Denied on the host of an organisation, where no other one's token is good.
    """
    async with reception.tx() as tx:
        # The person first, as everywhere: a change of their password must not wait for us while we wait for it.
        seat = await accounts.find_seat(tx, org_id, own_id(actor), lock=True)
        session = await lock_current(tx, actor)
        if seat is None or not seat.is_open:
            raise NotAMember("You are not a member of that organisation.")
        seat.check_inside(tx.work.ip)
        if not seat.is_wanted(wanted):
            raise Denied("This host belongs to another organisation.")
        act_as(tx, seat.actor)
        session.org_id = seat.account.last_org_id = org_id
        tx.record(session, "SWITCH_ORG")
    return await reception.admit(seat, session, tx.now)


async def end_own(tx: Tx, actor: Actor, session_id: UUID) -> None:
    """End one of one's own sessions, wherever it works; NotFound when there is no such one running."""
    session = await sessions.lock(tx.session, session_id)
    if session is None or session.user_id != actor.id or session.ended_at is not None:
        raise NotFound("You have no such session.")
    tx.expect(session)
    with acting_in(tx, session.org_id):
        end_session(tx, session, EndReason.ENDED, "SESSION_END")


async def end_others(tx: Tx, actor: Actor, reason: EndReason) -> None:
    """End every session of a person but the one they are using."""
    for session in await sessions.lock_all_running(tx.session, own_id(actor)):
        if str(session.id) != actor.session_id:
            with acting_in(tx, session.org_id):
                end_session(tx, session, reason, "SESSION_END")


async def lock_current(tx: Tx, actor: Actor) -> Session:
    """The session of the actor's token, locked; TokenRevoked when it has ended."""
    session = await sessions.lock(tx.session, UUID(actor.session_id))
    if session is None or session.ended_at is not None:
        raise TokenRevoked("This session has ended; sign in again.")
    return session


def own_id(actor: Actor) -> UUID:
    """The id of the person who acts; TokenRevoked when it is no person."""
    if actor.id is None:
        raise TokenRevoked("Only a person can do this.")
    return actor.id


def end_session(tx: Tx, session: Session, reason: EndReason, action: str) -> None:
    """End a locked session and tell every service."""
    session.end(reason, tx.now)
    tx.record(session, action)
    tx.publish(session_revoked(session))


def _spend(tx: Tx, session: Session, seat: Seat, spent: Spent, wanted: frozenset[str]) -> bool:
    """Whether a session's token may be used now; the session is ended where it must be."""
    if session.ended_at is not None:
        return False
    act_as(tx, seat.actor)
    if not seat.is_open:
        end_session(tx, session, EndReason.DEACTIVATED, "SESSION_END")
        return False
    if session.is_over(tx.now, seat.idle):
        end_session(tx, session, EndReason.ENDED, "SESSION_END")
        return False
    seat.check_inside(tx.work.ip)
    if not seat.is_wanted(wanted):
        return False
    refreshed = session.refresh(spent.counter, tx.now)
    if refreshed is Refreshed.REUSED:
        _raise_alarm(tx, session)
    elif refreshed is Refreshed.ROTATED:
        tx.record(session, "TOKEN_REFRESH")
        tx.publish(session_refreshed(session))
    return refreshed is not Refreshed.REUSED


def _raise_alarm(tx: Tx, session: Session) -> None:
    """An old token was used again: whoever has it is not the one we gave the newer one to (W12)."""
    end_session(tx, session, EndReason.REUSE, "REFRESH_REUSE")
    tx.publish(session_reuse_detected(session, tx.work.ip))
    text = "A refresh token that had been replaced was used again; the session was ended."
    raise_event(tx, "REFRESH_REUSE", "HIGH", text, user_id=session.user_id)
