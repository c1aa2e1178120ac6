"""The score and figures of a day, kept when the job or a person computes it: history never depends on rows of today."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate, Instant
from reporting.domain.rows import Row


class HealthSnapshot(Row, Aggregate):
    """One score for each organisation and day (of the organisation's zone)."""

    __tablename__ = "health_snapshot"
    __table_args__ = (
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        UniqueConstraint("org_id", "day"),
    )
    entity_type = "HEALTH_SCORE"

    day: Mapped[date] = mapped_column(Date)
    score: Mapped[int] = mapped_column(SmallInteger)
    breakdown: Mapped[dict[str, Any]] = mapped_column(JSONB)
    kpis: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the dashboard showed that day; None of days that were kept before it was."""
    computed_at: Mapped[datetime] = mapped_column(Instant)
