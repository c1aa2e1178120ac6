"""Leads in SQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from sales.domain.leads import Lead, LeadStage
from sales.store.embedded import (
    COMPANY_NAMED,
    OWNER,
    contains,
    created_filters,
    in_order,
    with_company,
    with_owner,
)

LEAD = Lead.__table__.c

_SHOWN = (
    select(
        LEAD.id,
        LEAD.version,
        LEAD.title,
        LEAD.stage,
        LEAD.source,
        LEAD.category,
        LEAD.notes,
        LEAD.company_id,
        COMPANY_NAMED,
        LEAD.contact_id,
        LEAD.owner_user_id,
        OWNER,
        LEAD.disqualified_reason,
        LEAD.converted_deal_id,
        LEAD.converted_at,
        LEAD.created_at,
        LEAD.updated_at,
    )
    .select_from(with_owner(with_company(Lead.__table__, LEAD), LEAD))
    .where(LEAD.org_id == bindparam("org_id"))
)
BY_ID = Lookup(_SHOWN.where(LEAD.id == bindparam("lead_id")), row_type=Lead, key="lead_id")
LIST = ListQuery(
    _SHOWN,
    key=LEAD.id,
    sorts={
        "createdAt": LEAD.created_at,
        "title": func.lower(LEAD.title),
        "stage": in_order(LEAD.stage, LeadStage),
    },
    filters={
        "stage": LEAD.stage == bindparam("stage"),
        "company_id": LEAD.company_id == bindparam("company_id"),
        "owner_user_id": LEAD.owner_user_id == bindparam("owner_user_id"),
        "q": contains(LEAD.title, LEAD.source),
        **created_filters(LEAD.created_at),
    },
)


async def list_leads(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page."""
    return await LIST.page(reader, query, org_id=org_id, **filters)


async def show(reader: Reader, org_id: UUID, lead_id: UUID) -> Any:
    """One lead as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, lead_id=lead_id)
    if not rows:
        raise NotFound("There is no such lead.")
    return rows[0]


async def lock(session: AsyncSession, org_id: UUID, lead_id: UUID) -> Lead:
    """A lead to be changed; NotFound when it does not exist here."""
    wanted = select(Lead).where(Lead.org_id == org_id, Lead.id == lead_id).with_for_update()
    lead = await session.scalar(wanted)
    if lead is None:
        raise NotFound("There is no such lead.")
    return lead
