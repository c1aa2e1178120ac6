"""Milestones of deals in SQL: kept once for each row they came from, read as the first of each type."""

from uuid import UUID

from sqlalchemy import bindparam, func, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader, Rows
from sales.copies import KnownOrganisation
from sales.domain.deals import Deal
from sales.domain.timeline import DealMilestone
from sales.store.deals import DEAL
from sales.store.embedded import ORGANISATION, policy

MILESTONE = DealMilestone.__table__.c

_OVERDUE_DAYS = policy("overdue_after_days")
_FIRST = (
    select(MILESTONE.type, func.min(MILESTONE.at).label("at"))
    .where(MILESTONE.org_id == bindparam("org_id"), MILESTONE.deal_id == bindparam("deal_id"))
    .group_by(MILESTONE.type)
    .subquery()
)
_REACHED = Lookup(
    select(
        DEAL.lead_created_at,
        DEAL.created_at,
        _OVERDUE_DAYS.label("overdue_after_days"),
        _FIRST.c.type,
        _FIRST.c.at,
    )
    .select_from(
        Deal.__table__.outerjoin(KnownOrganisation.__table__, ORGANISATION.org_id == DEAL.org_id).outerjoin(
            _FIRST, true()
        )
    )
    .where(DEAL.org_id == bindparam("org_id"), DEAL.id == bindparam("deal_id"))
)


async def reached(reader: Reader, org_id: UUID, deal_id: UUID) -> Rows:
    """One row for each type reached (a single one with a null type for none), each with the deal's own instants.

    NotFound when the deal does not exist here.
    """
    rows = await reader.rows(_REACHED, org_id=org_id, deal_id=deal_id)
    if not rows:
        raise NotFound("There is no such deal.")
    return rows


async def keep(session: AsyncSession, milestone: DealMilestone) -> None:
    """Add a milestone; one that came from the same row before stays, and so does what is said of an unknown deal."""
    known = select(Deal.id).where(Deal.org_id == milestone.org_id, Deal.id == milestone.deal_id)
    if await session.scalar(known) is None:
        return
    row = {column.name: getattr(milestone, column.name) for column in MILESTONE}
    await session.execute(insert(DealMilestone).values(row).on_conflict_do_nothing())
