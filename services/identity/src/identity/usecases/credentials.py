"""Checking a password: one path for right, wrong, unknown, locked and deactivated, so that it tells nothing (W13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.auth import system_actor
from chassis.errors import Invalid
from chassis.metrics import login_failures
from identity.domain.refresh_tokens import Seals
from identity.domain.seats import choose
from identity.passwords import Verdict
from identity.published import login_failed
from identity.reception import Reception
from identity.store import accounts, login_attempts
from identity.usecases.second_step import NOTHING_MORE, SecondStep
from identity.usecases.security_events import raise_event

NOT_RIGHT = "is not right, or there were too many attempts"


@dataclass(frozen=True)
class Credentials:
    """What somebody brings who wants in; `wanted` are the slugs that host and body name."""

    email: str
    password: str
    wanted: frozenset[str]
    device_mark: str | None
    second: SecondStep = NOTHING_MORE


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


async def confirm(reception: Reception, given: Credentials, field: str) -> Caller:
    """A signed-in person shows that they know their password; Invalid on `field` otherwise. Within a turn."""
    caller = await spend_attempt(reception, given)
    verdict = await reception.passwords.verify(given.password, caller.password_hash)
    if not verdict.is_right:
        note_refusal(reception, caller, verdict)
        raise Invalid.field(field, NOT_RIGHT)
    return caller


async def spend_attempt(reception: Reception, given: Credentials) -> Caller:
    """Read who it may be and take one attempt from the budget, committed before any hashing (pitfall 11)."""
    async with reception.tx() as tx:
        candidates = await accounts.list_candidates(tx, given.email)
        device_id = _known_device(reception.seals, candidates, given.device_mark)
        bucket = reception.seals.bucket(given.email, device_id)
        attempts = await login_attempts.lock(tx, bucket, tx.now)
        is_free = attempts.spend(tx.now)
    return Caller(candidates, device_id, bucket, is_free)


async def give_back(reception: Reception, bucket: bytes) -> None:
    """The first of two steps is no failure; what was guessed wrongly before still counts."""
    async with reception.tx() as tx:
        (await login_attempts.lock(tx, bucket, tx.now)).give_back(tx.now)


def note_refusal(reception: Reception, caller: Caller, verdict: Verdict) -> None:
    """Count a refusal now, and tell it once the answer has left."""
    cause = "locked" if not caller.is_free else "inactive" if verdict.is_right else "wrong"
    login_failures.labels(cause if caller.candidates else "unknown").inc()
    reception.later(_report(reception, caller))


def _known_device(seals: Seals, candidates: Sequence[Any], mark: str | None) -> UUID | None:
    return seals.read_device_mark(mark, candidates[0].user_id) if candidates and mark else None


async def _report(reception: Reception, caller: Caller) -> None:
    """Tell the failures of a known account, at most once every five minutes, and a spike of them."""
    home = next((each for each in caller.candidates if each.is_open), None)
    if home is None:
        return
    async with reception.tx() as tx:
        attempts = await login_attempts.lock(tx, caller.bucket, tx.now)
        tx.actor = system_actor(home.org_id)
        if attempts.is_report_due(tx.now):
            since, count = attempts.report(tx.now)
            tx.publish(login_failed(home.user_id, count, tx.work.ip, since, tx.now))
        if attempts.notice_spike(tx.now):
            what = "Sign-ins with a wrong password came in quick succession."
            raise_event(tx, "FAILED_LOGIN_SPIKE", "MEDIUM", what, user_id=home.user_id)
