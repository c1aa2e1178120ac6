"""The delivery of a mail: tried, again on a schedule, until the mail server took it or it is given up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from chassis.states import check_move
from notifications.domain.happenings import shorten
from notifications.domain.rows import Row

ERROR_LENGTH = 500
MAX_INTERRUPTIONS = 1
"""A crash between handing a mail over and noting it repeats the mail at most once (spec/notifications.md)."""
INTERRUPTED = "interrupted while the mail server had it"


class State(StrEnum):
    """Where a delivery stands; `sending` means that the mail server may or may not have taken the mail.

    `superseded` is no failure: there is nothing to say any more, since the mail's link is dead.
    """

    QUEUED = "queued"
    SENDING = "sending"
    RETRY = "retry"
    DELIVERED = "delivered"
    DEAD = "dead"
    SUPERSEDED = "superseded"


MOVES = {
    State.QUEUED: frozenset({State.SENDING, State.RETRY, State.DEAD, State.SUPERSEDED}),
    State.SENDING: frozenset({State.DELIVERED, State.RETRY, State.DEAD}),
    # To `delivered`: a try that was given up for lost had arrived after all.
    State.RETRY: frozenset({State.SENDING, State.RETRY, State.DELIVERED, State.DEAD, State.SUPERSEDED}),
    State.DELIVERED: frozenset[State](),
    State.DEAD: frozenset[State](),
    State.SUPERSEDED: frozenset[State](),
}
UNFINISHED = (State.QUEUED, State.RETRY, State.SENDING)

Schedule = Sequence[timedelta]
"""How long to wait after the first failed try, the second, …; after the last one the mail is given up."""

NORMAL: Schedule = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60)
)
SECONDS: Schedule = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 4, 4, 4, 4, 4))


def schedule_of(profile: str) -> Schedule:
    """The schedule of a profile: the test profile counts in seconds."""
    return SECONDS if profile == "test" else NORMAL


class Failure(NamedTuple):
    """Why a try failed, in words without addresses, and whether another one is pointless."""

    reason: str
    is_permanent: bool = False


class Delivery(Row):
    """The one delivery of a mail; `attempts` counts the tries that ended, so the next one has the number after it."""

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "mail_id"], ["email_message.org_id", "email_message.id"]),
        UniqueConstraint("org_id", "mail_id", name="uq_delivery_mail"),
        CheckConstraint("channel IN ('e-mail')", name="channel"),
        CheckConstraint(
            "state IN ('queued', 'sending', 'retry', 'delivered', 'dead', 'superseded')", name="state"
        ),
        CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="delivered"),
        CheckConstraint("(state IN ('queued', 'retry', 'sending')) = (next_at IS NOT NULL)", name="next"),
        Index("ix_delivery_state", "org_id", "state", "created_at"),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    mail_id: Mapped[UUID]
    channel: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(SmallInteger)
    interruptions: Mapped[int] = mapped_column(SmallInteger)
    next_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str | None] = mapped_column(String(ERROR_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    delivered_at: Mapped[datetime | None] = mapped_column(Instant)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will be tried."""
        return self.state not in UNFINISHED

    def begin(self, now: datetime, attempt: int) -> bool:
        """Begin the try of that number, or take it up where a crash left it; False when there is nothing to try."""
        if self.is_finished or attempt != self.attempts + 1:
            return False
        return self.state != State.SENDING or self._repeat(now)

    def hand_over(self, now: datetime) -> None:
        """The mail server gets it now: from here on it may have arrived."""
        self._move(State.SENDING, now)

    def arrive(self, now: datetime) -> None:
        """The mail server took it."""
        self._move(State.DELIVERED, now)
        self.attempts += 1
        self.delivered_at = now
        self.next_at = self.error = None

    def fail(self, now: datetime, failure: Failure, schedule: Schedule = ()) -> bool:
        """A try failed: the next one is due at `next_at`, or there is none; True when there is none."""
        is_last = failure.is_permanent or self.attempts >= len(schedule)
        self._move(State.DEAD if is_last else State.RETRY, now)
        self.next_at = None if is_last else now + schedule[self.attempts]
        self.error = shorten(failure.reason, ERROR_LENGTH)
        self.attempts += 1
        return is_last

    def supersede(self, now: datetime) -> None:
        """There is nothing to say any more."""
        self._move(State.SUPERSEDED, now)
        self.next_at = self.error = None

    def _repeat(self, now: datetime) -> bool:
        # Left in `sending`, the mail may have arrived: it is sent once more, and never a third time.
        self.interruptions += 1
        if self.interruptions > MAX_INTERRUPTIONS:
            self.fail(now, Failure(INTERRUPTED, is_permanent=True))
            return False
        self._move(State.RETRY, now)
        self.error = INTERRUPTED
        return True

    def _move(self, wanted: State, now: datetime) -> None:
        check_move(MOVES, State(self.state), wanted)
        self.state = wanted
        self.updated_at = now
