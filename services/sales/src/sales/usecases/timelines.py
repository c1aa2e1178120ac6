"""What can be done with the timeline of a deal: reading it, and noting a milestone that others tell of."""

from datetime import datetime
from uuid import UUID

from chassis.queries import Reader
from chassis.tx import Tx
from sales.domain.timeline import DealMilestone, MilestoneType, Timeline, timeline
from sales.store import milestones

HOURS_PER_DAY = 24


async def read_timeline(reader: Reader, org_id: UUID, deal_id: UUID) -> Timeline:
    """The timeline of a deal; NotFound when it does not exist here."""
    rows = await milestones.reached(reader, org_id, deal_id)
    deal = rows[0]
    reached: dict[MilestoneType, datetime | None] = {
        MilestoneType.LEAD_CREATED: deal.lead_created_at,
        MilestoneType.DEAL_CREATED: deal.created_at,
    } | {MilestoneType(row.type): row.at for row in rows if row.type}
    return timeline(deal_id, reached, deal.overdue_after_days * HOURS_PER_DAY)


async def note_milestone(
    tx: Tx, deal_id: UUID, step: MilestoneType, *, source_id: UUID, at: datetime
) -> None:
    """A row of work or billing took the deal to this step; told again, it changes nothing."""
    milestone = DealMilestone(
        org_id=tx.actor.org_id, deal_id=deal_id, type=step.value, source_id=source_id, at=at
    )
    await milestones.keep(tx.session, milestone)
