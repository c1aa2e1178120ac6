"""What work knows of the rows that an item refers to, in one statement."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, bindparam, case, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.queries import Lookup, Reader
from work.copies import KnownCompany, KnownDeal, KnownMember, KnownOrganisation
from work.domain.items import Links


class Missing(NamedTuple):
    """The ids of which there is no copy here (of a company: no live one); None where there is, or for no link."""

    org_id: UUID | None
    assigned_to_user_id: UUID | None
    company_id: UUID | None
    deal_id: UUID | None


class Known(NamedTuple):
    """The organisation, and of assignee and deal what the copies say; None where they know nothing."""

    organisation: KnownOrganisation
    assignee_status: str | None
    deal_id: UUID | None
    deal_company_id: UUID | None


def _missing(copy: Any, parameter: str, *where: ColumnElement[bool]) -> Any:
    columns, wanted = copy.__table__.c, bindparam(parameter, type_=Uuid())
    is_known = exists().where(
        columns.org_id == bindparam("org_id", type_=Uuid()), columns.id == wanted, *where
    )
    return case((~is_known, wanted)).label(parameter)


# tenantless: reads no table itself, each of its parts names org_id
MISSING = Lookup(
    select(
        _missing(KnownOrganisation, "org_id"),
        _missing(KnownMember, "assigned_to_user_id"),
        _missing(KnownCompany, "company_id", KnownCompany.archived_at.is_(None)),
        _missing(KnownDeal, "deal_id"),
    )
)


async def list_missing(reader: Reader, org_id: UUID, links: Links) -> Missing:
    """What must be asked of its owner before an item can refer to it."""
    [row] = await reader.rows(MISSING, org_id=org_id, **links._asdict())
    return Missing(*row)


async def find(session: AsyncSession, org_id: UUID, links: Links) -> Known | None:
    """What is known here; None while the organisation itself is not."""
    wanted = (
        select(KnownOrganisation, KnownMember.status, KnownDeal.id, KnownDeal.company_id)
        .select_from(KnownOrganisation)
        .outerjoin(
            KnownMember, and_(KnownMember.org_id == org_id, KnownMember.id == links.assigned_to_user_id)
        )
        .outerjoin(KnownDeal, and_(KnownDeal.org_id == org_id, KnownDeal.id == links.deal_id))
        .where(KnownOrganisation.org_id == org_id, KnownOrganisation.id == org_id)
    )
    row = (await session.execute(wanted)).one_or_none()
    return Known(*row) if row is not None else None
