"""The timeline of a deal: from lead to money, and where it got stuck (reference/execution-os 3.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from sales.domain.rows import Row

SECONDS_PER_HOUR = 3600


class MilestoneType(StrEnum):
    """The steps, in the order in which they usually come."""

    LEAD_CREATED = "LEAD_CREATED"
    DEAL_CREATED = "DEAL_CREATED"
    WORK_ROOT_CREATED = "WORK_ROOT_CREATED"
    INVOICE_SENT = "INVOICE_SENT"
    INVOICE_PAID = "INVOICE_PAID"


class DealMilestone(Row):
    """What work and billing said about a deal, once for each of their rows."""

    __tablename__ = "deal_milestone"
    __table_args__ = (
        CheckConstraint("type IN ('WORK_ROOT_CREATED', 'INVOICE_SENT', 'INVOICE_PAID')", name="type"),
        ForeignKeyConstraint(
            ["org_id", "deal_id"], ["deal.org_id", "deal.id"], name="fk_deal_milestone_deal"
        ),
    )
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    deal_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(32), primary_key=True)
    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Milestone:
    """One step and how long it took to get there."""

    type: MilestoneType
    timestamp: datetime
    duration_from_previous_hours: float | None
    is_bottleneck: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The steps of one deal so far; `total_cycle_hours` is None before the second."""

    deal_id: UUID
    policy_threshold_hours: int
    total_cycle_hours: float | None
    milestones: Sequence[Milestone]


def timeline(
    deal_id: UUID, reached: Mapping[MilestoneType, datetime | None], threshold_hours: int
) -> Timeline:
    """The timeline of a deal from the first instant of each step; a step is a bottleneck when it took longer."""
    order = list(MilestoneType)
    steps = sorted(
        ((at, step) for step, at in reached.items() if at is not None),
        key=lambda each: (each[0], order.index(each[1])),
    )
    milestones: list[Milestone] = []
    previous: datetime | None = None
    for at, step in steps:
        hours = None if previous is None else _hours(previous, at)
        milestones.append(
            Milestone(step, at, hours, is_bottleneck=hours is not None and hours > threshold_hours)
        )
        previous = at
    total = _hours(steps[0][0], steps[-1][0]) if len(steps) > 1 else None
    return Timeline(deal_id, threshold_hours, total, milestones)


def _hours(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds() / SECONDS_PER_HOUR, 2)
