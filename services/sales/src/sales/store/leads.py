"""Leads in SQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Interval,
    String,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from chassis.rows import Instant
from sales.domain.custom_fields import FieldEntity
from sales.domain.leads import COLD_FOR, HOT_FOR, OPEN_STAGES, WARM_FOR, Lead, LeadCategory, LeadStage
from sales.store.custom_fields import missing, require, typed
from sales.store.embedded import (
    COMPANY_NAMED,
    OWNER,
    contains,
    created_filters,
    in_order,
    is_stale,
    label_filters,
    policy,
    with_company,
    with_organisation,
    with_owner,
)

LEAD = Lead.__table__.c

_ALLOWED = func.make_interval(0, 0, 0, 0, policy("lead_stale_after_hours"), type_=Interval)
# Nothing happens to a lead but that somebody changes it.
_LAST_ACTIVITY_AT = LEAD.updated_at
_STALE = is_stale(LEAD, OPEN_STAGES, _LAST_ACTIVITY_AT, _ALLOWED)
_AGE = bindparam("now", type_=Instant) - _LAST_ACTIVITY_AT


def _category(category: LeadCategory) -> ColumnElement[str]:
    return literal_column(f"'{category.value}'")


# Whatever somebody thought of it, a lead to which nothing happens for too long is dormant. Where nobody has said
# what to think of it, a qualified one is hot, and the others cool down while nothing happens.
_CATEGORY = case(
    (_STALE, _category(LeadCategory.DORMANT)),
    (LEAD.category.is_not(None), LEAD.category),
    (
        or_(LEAD.stage == literal_column(f"'{LeadStage.QUALIFIED.value}'"), _AGE <= HOT_FOR),
        _category(LeadCategory.HOT),
    ),
    (_AGE <= WARM_FOR, _category(LeadCategory.WARM)),
    (_AGE <= COLD_FOR, _category(LeadCategory.COLD)),
    else_=_category(LeadCategory.DORMANT),
)

_SHOWN = (
    select(
        LEAD.id,
        LEAD.version,
        LEAD.title,
        LEAD.stage,
        _STALE.label("is_stale"),
        LEAD.source,
        _CATEGORY.label("category"),
        LEAD.category.label("chosen_category"),
        LEAD.notes,
        LEAD.company_id,
        COMPANY_NAMED,
        LEAD.contact_id,
        LEAD.owner_user_id,
        OWNER,
        LEAD.disqualified_reason,
        LEAD.converted_deal_id,
        LEAD.converted_at,
        _LAST_ACTIVITY_AT.label("last_activity_at"),
        LEAD.tags,
        LEAD.custom_fields,
        LEAD.archived_at,
        LEAD.created_at,
        LEAD.updated_at,
    )
    .select_from(with_organisation(with_owner(with_company(Lead.__table__, LEAD), LEAD), LEAD))
    .where(LEAD.org_id == bindparam("org_id"))
)
BY_ID = Lookup(_SHOWN.where(LEAD.id == bindparam("lead_id")), row_type=Lead, key="lead_id")
_BORN = Lookup(
    _SHOWN.add_columns(missing(FieldEntity.LEAD, LEAD)).where(LEAD.id == bindparam("lead_id")),
    row_type=Lead,
    key="lead_id",
)
_BY_IDS = Lookup(_SHOWN.where(LEAD.id == func.any(bindparam("lead_ids"))).order_by(LEAD.id))
LIST = ListQuery(
    _SHOWN,
    key=LEAD.id,
    sorts={
        "createdAt": LEAD.created_at,
        "title": func.lower(LEAD.title),
        "stage": in_order(LEAD.stage, LeadStage),
    },
    filters={
        "live": LEAD.archived_at.is_(None),
        "stage": LEAD.stage == bindparam("stage"),
        "category": bindparam("category", type_=String) == _CATEGORY,
        "stale": bindparam("stale", type_=Boolean) == _STALE,
        "company_id": LEAD.company_id == bindparam("company_id"),
        "owner_user_id": LEAD.owner_user_id == bindparam("owner_user_id"),
        "q": contains(LEAD.title, LEAD.source),
        **created_filters(LEAD.created_at),
        **label_filters(LEAD),
    },
)


async def list_leads(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page; `filters` name the present as `now`."""
    wanted = await typed(reader, org_id, FieldEntity.LEAD, filters)
    return await LIST.page(reader, query, org_id=org_id, **wanted)


async def show(reader: Reader, org_id: UUID, lead_id: UUID, *, now: datetime) -> Any:
    """One lead as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, lead_id=lead_id, now=now)
    if not rows:
        raise NotFound("There is no such lead.")
    return rows[0]


async def show_new(reader: Reader, org_id: UUID, lead_id: UUID, *, now: datetime) -> Any:
    """A lead that has just been added; Invalid when a required custom field has no value."""
    return require((await reader.rows(_BORN, org_id=org_id, lead_id=lead_id, now=now))[0])


async def show_each(reader: Reader, org_id: UUID, lead_ids: list[UUID], *, now: datetime) -> Rows:
    """Leads by id; unknown ids are left out."""
    return await reader.rows(_BY_IDS, org_id=org_id, lead_ids=lead_ids, now=now)


async def lock(session: AsyncSession, org_id: UUID, lead_id: UUID) -> Lead:
    """A lead to be changed; NotFound when it does not exist here."""
    wanted = select(Lead).where(Lead.org_id == org_id, Lead.id == lead_id).with_for_update()
    lead = await session.scalar(wanted)
    if lead is None:
        raise NotFound("There is no such lead.")
    return lead
