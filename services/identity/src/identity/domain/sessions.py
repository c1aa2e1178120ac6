"""Sessions: one sign-in, its refresh tokens in a row, and the organisation it works in."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from chassis.context import Work
from chassis.ids import new_id
from chassis.rows import Aggregate
from identity.domain.rows import Row

ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
ABSOLUTE_LIFETIME = timedelta(days=30)
REPEAT_WINDOW = timedelta(seconds=10)
"""How long the parent of the present refresh token is still answered: two tabs refresh at once."""


class Refreshed(StrEnum):
    """What a refresh token means at this moment."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    REUSED = "reused"


class EndReason(StrEnum):
    """Why a session ended, as facts say it."""

    LOGOUT = "logout"
    ENDED = "ended"
    REUSE = "reuse"
    SUSPENDED = "suspended"
    REMOVED = "removed"
    DEACTIVATED = "deactivated"
    PASSWORD_CHANGED = "password_changed"
    FACTOR_REMOVED = "factor_removed"


class Session(Row, Aggregate):
    """One sign-in of a person; `org_id` is the organisation it works in and moves when the person switches."""

    __tablename__ = "session"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organisation.org_id"]),
        ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        Index("ix_session_user", "org_id", "user_id"),
        # A refresh token names only its session; read by the system role only.
        Index("ix_session_id", "id"),
        Index("ix_session_expires_at", "expires_at"),
    )
    entity_type: ClassVar[str] = "AUTH"

    user_id: Mapped[UUID]
    counter: Mapped[int] = mapped_column(Integer)
    rotated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(String(32))
    ip: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(255))
    second_factor_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @classmethod
    def start(cls, org_id: UUID, user_id: UUID, work: Work, now: datetime) -> "Session":
        """A session that begins now."""
        return cls(
            org_id=org_id,
            id=new_id(),
            version=1,
            created_at=now,
            updated_at=now,
            user_id=user_id,
            counter=0,
            rotated_at=now,
            last_used_at=now,
            expires_at=now + ABSOLUTE_LIFETIME,
            ip=work.ip,
            user_agent=work.user_agent,
        )

    @property
    def is_strong(self) -> bool:
        """Whether a second factor was given in it: its tokens say `mfa`."""
        return self.second_factor_at is not None

    def strengthen(self, now: datetime) -> None:
        """A second factor was given; the first time counts."""
        self.second_factor_at = self.second_factor_at or now

    def is_over(self, now: datetime, idle: timedelta) -> bool:
        """Whether it ended, was idle for too long or has reached its absolute end."""
        return self.ended_at is not None or now >= self.expires_at or now >= self.last_used_at + idle

    def refresh(self, counter: int, now: datetime) -> Refreshed:
        """Spend the refresh token of that number; only the newest rotates (design/security.md 1)."""
        if counter == self.counter:
            self.counter += 1
            self.rotated_at = self.last_used_at = now
            return Refreshed.ROTATED
        if counter == self.counter - 1 and now <= self.rotated_at + REPEAT_WINDOW:
            return Refreshed.REPEATED
        return Refreshed.REUSED

    def end(self, reason: EndReason, now: datetime) -> None:
        """No token of it is accepted any more."""
        self.ended_at = now
        self.end_reason = reason
