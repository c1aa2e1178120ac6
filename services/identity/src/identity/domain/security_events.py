"""Security events: what whoever watches over an organisation should look at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.domain.rows import Row


class SecurityEvent(Row):
    """Something that happened and should not have."""

    __tablename__ = "security_event"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "id"),
        CheckConstraint("severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')", name="severity"),
        Index("ix_security_event_at", "org_id", "at"),
    )

    org_id: Mapped[UUID]
    id: Mapped[UUID]
    type: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(String(500))
    user_id: Mapped[UUID | None]
    ip: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
