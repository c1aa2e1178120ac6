"""A notification: one person is told of one fact."""

from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate, Instant
from notifications.domain.happenings import BODY_LENGTH, TITLE_LENGTH
from notifications.domain.rows import Row

UNREAD = text("read_at IS NULL AND archived_at IS NULL")


class Cause(NamedTuple):
    """The fact behind a notification and who caused it: a user, a key or the system."""

    event_id: UUID
    actor_kind: str
    actor_id: UUID | None


class Notification(Row, Aggregate):
    """What one person is told of one fact, and whether they have read it."""

    __tablename__ = "notification"
    __table_args__ = (
        # The promise "one notification per fact, person and type", whatever the inbox of facts forgets.
        UniqueConstraint("org_id", "event_id", "recipient_id", "type", name="uq_notification_once"),
        CheckConstraint("actor_kind IN ('user', 'key', 'system')", name="actor_kind"),
        Index("ix_notification_recipient", "org_id", "recipient_id", "created_at"),
        Index("ix_notification_unread", "org_id", "recipient_id", "created_at", postgresql_where=UNREAD),
    )
    entity_type: ClassVar[str] = "NOTIFICATION"

    recipient_id: Mapped[UUID]
    event_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    body: Mapped[str] = mapped_column(String(BODY_LENGTH))
    link: Mapped[str] = mapped_column(String(255))
    about_type: Mapped[str] = mapped_column(String(64))
    about_id: Mapped[UUID]
    actor_kind: Mapped[str] = mapped_column(String(8))
    actor_id: Mapped[UUID | None]
    read_at: Mapped[datetime | None] = mapped_column(Instant)
    archived_at: Mapped[datetime | None] = mapped_column(Instant)

    def read(self, now: datetime) -> bool:
        """Mark as read; False when it was already."""
        if self.read_at is not None:
            return False
        self.read_at = self.updated_at = now
        self.version += 1
        return True
