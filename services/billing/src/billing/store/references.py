"""What billing knows of the rows that an invoice refers to."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.copies import KnownCompany, KnownDeal, KnownOrganisation
from chassis.errors import DependencyUnavailable


class Known(NamedTuple):
    """The organisation, and the deal's company; None where the copies know no such deal."""

    organisation: KnownOrganisation
    deal_company_id: UUID | None


async def organisation(session: AsyncSession, org_id: UUID) -> KnownOrganisation:
    """The organisation; DependencyUnavailable while its copy has not arrived."""
    return (await find(session, org_id, deal_id=None)).organisation


async def find(session: AsyncSession, org_id: UUID, *, deal_id: UUID | None) -> Known:
    """What is known here, in one statement; DependencyUnavailable while the organisation itself is not."""
    wanted = (
        select(KnownOrganisation, KnownDeal.company_id)
        .select_from(KnownOrganisation)
        .outerjoin(KnownDeal, and_(KnownDeal.org_id == org_id, KnownDeal.id == deal_id))
        .where(KnownOrganisation.org_id == org_id, KnownOrganisation.id == org_id)
    )
    row = (await session.execute(wanted)).one_or_none()
    if row is None:
        raise DependencyUnavailable("The organisation is not known here yet; try again.", service="identity")
    return Known(*row)


async def has_all(
    session: AsyncSession, org_id: UUID, *, company_ids: Collection[UUID], deal_ids: Collection[UUID]
) -> bool:
    """Whether the organisation, these companies as live ones, and these deals are all known here; one statement."""
    wanted = (
        select(KnownOrganisation.id)
        .where(KnownOrganisation.org_id == org_id, KnownOrganisation.id == org_id)
        .union_all(
            select(KnownCompany.id).where(
                KnownCompany.org_id == org_id,
                KnownCompany.id.in_(company_ids),
                KnownCompany.archived_at.is_(None),
            ),
            select(KnownDeal.id).where(KnownDeal.org_id == org_id, KnownDeal.id.in_(deal_ids)),
        )
    )
    found = (await session.scalars(wanted)).all()
    return len(found) == 1 + len(set(company_ids)) + len(set(deal_ids))
