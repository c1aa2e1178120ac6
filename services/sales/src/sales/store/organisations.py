"""The organisation, from the copy of identity's: what it has decided and where its day begins."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import DependencyUnavailable
from sales.copies import KnownOrganisation


async def get(session: AsyncSession, org_id: UUID) -> KnownOrganisation:
    """The organisation; DependencyUnavailable while its copy has not arrived."""
    found = await session.scalar(select(KnownOrganisation).where(KnownOrganisation.org_id == org_id))
    if found is None:
        raise DependencyUnavailable("The organisation is not known here yet; try again.", service="identity")
    return found
