"""Signing in: one path for right, wrong, unknown, locked and deactivated, so that it tells nothing (W13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.auth import system_actor
from chassis.errors import Unauthenticated
from chassis.metrics import login_failures
from identity.domain.refresh_tokens import Seals
from identity.domain.seats import choose
from identity.domain.sessions import Session
from identity.passwords import Verdict
from identity.published import login_failed, session_started
from identity.reception import Opened, Reception
from identity.store import accounts, login_attempts

REFUSED = "The e-mail address or the password is not right, or there were too many attempts."


@dataclass(frozen=True)
class Credentials:
    """What somebody brings who wants in; `wanted` are the slugs that host and body name."""

    email: str
    password: str
    wanted: frozenset[str]
    device_mark: str | None


@dataclass(frozen=True)
class Caller:
    """Who the credentials may belong to: read before the password is looked at."""

    candidates: Sequence[Any]
    device_id: UUID | None
    bucket: bytes
    is_free: bool

    @property
    def user_id(self) -> UUID | None:
        """The person with that address, if there is one."""
        return self.candidates[0].user_id if self.candidates else None

    @property
    def password_hash(self) -> str | None:
        """What to compare with; nothing for strangers and while the budget is spent."""
        return self.candidates[0].password_hash if self.candidates and self.is_free else None

    def choose(self, wanted: frozenset[str]) -> UUID | None:
        """The organisation to sign in to, if any lets the person in."""
        return choose(self.candidates, wanted, self.candidates[0].last_org_id) if self.candidates else None


async def sign_in(reception: Reception, given: Credentials) -> Opened:
    """Tokens for the right password; one and the same Unauthenticated for everything else.

    Raises OrganisationInactive when the password is right and only closed organisations are left.
    """
    async with reception.passwords.turn():
        caller = await _spend_attempt(reception, given)
        verdict = await reception.passwords.verify(given.password, caller.password_hash)
        org_id = caller.choose(given.wanted) if verdict.is_right else None
        if org_id is not None:
            return await _open_session(reception, org_id, caller, verdict.upgraded)
    _note_refusal(reception, caller, verdict)
    raise Unauthenticated(REFUSED)


async def _spend_attempt(reception: Reception, given: Credentials) -> Caller:
    """Read who it may be and take one attempt from the budget, committed before any hashing (pitfall 11)."""
    async with reception.tx() as tx:
        candidates = await accounts.list_candidates(tx, given.email)
        device_id = _known_device(reception.seals, candidates, given.device_mark)
        bucket = reception.seals.bucket(given.email, device_id)
        attempts = await login_attempts.lock(tx.session, bucket, tx.now)
        is_free = attempts.spend(tx.now)
    return Caller(candidates, device_id, bucket, is_free)


def _known_device(seals: Seals, candidates: Sequence[Any], mark: str | None) -> UUID | None:
    return seals.read_device_mark(mark, candidates[0].user_id) if candidates and mark else None


async def _open_session(reception: Reception, org_id: UUID, caller: Caller, upgraded: str | None) -> Opened:
    async with reception.tx() as tx:
        seat = await accounts.find_seat(tx.session, org_id, caller.candidates[0].user_id)
        if seat is None or not seat.is_open:
            raise Unauthenticated(REFUSED)  # suspended while the password was being compared
        seat.check_entry(tx.work.ip)
        tx.actor = seat.actor
        tx.work.org_id, tx.work.actor_id = org_id, tx.actor.id
        session = Session.start(org_id, seat.account.id, tx.work, tx.now)
        tx.add(session)
        tx.record(session, "LOGIN_SUCCESS")
        tx.publish(session_started(session))
        seat.account.last_login_at, seat.account.last_org_id = tx.now, org_id
        seat.account.password_hash = upgraded or seat.account.password_hash
        (await login_attempts.lock(tx.session, caller.bucket, tx.now)).forgive(tx.now)
    mark = reception.seals.device_mark(seat.account.id, caller.device_id)
    return await reception.admit(seat, session, tx.now, device_mark=mark)


def _note_refusal(reception: Reception, caller: Caller, verdict: Verdict) -> None:
    cause = "locked" if not caller.is_free else "inactive" if verdict.is_right else "wrong"
    login_failures.labels(cause if caller.candidates else "unknown").inc()
    reception.later(_report(reception, caller))


async def _report(reception: Reception, caller: Caller) -> None:
    """Tell the failures of a known account, at most once every five minutes."""
    home = next((each for each in caller.candidates if each.is_open), None)
    if home is None:
        return
    async with reception.tx() as tx:
        attempts = await login_attempts.lock(tx.session, caller.bucket, tx.now)
        if attempts.is_report_due(tx.now):
            tx.actor = system_actor(home.org_id)
            since, count = attempts.report(tx.now)
            tx.publish(login_failed(home.user_id, count, tx.work.ip, since, tx.now))
