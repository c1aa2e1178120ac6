"""The facts as they arrived, kept for good: what read models are rebuilt from."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from reporting.domain.rows import Row


class KeptFact(Row):
    """One fact; the application may add and read, never change or delete."""

    __tablename__ = "fact"
    __table_args__ = (
        Index("ix_fact_at", "org_id", "at"),
        Index("ix_fact_aggregate", "org_id", "aggregate_id", "aggregate_version"),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(128))
    aggregate_id: Mapped[UUID]
    aggregate_version: Mapped[int] = mapped_column(Integer)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    actor: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
