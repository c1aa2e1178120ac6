"""Deals in SQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Interval,
    Numeric,
    bindparam,
    case,
    cast,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.money import UNUSUAL_DIGITS
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from sales.domain.custom_fields import FieldEntity
from sales.domain.deals import Deal, DealStage
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

DEAL = Deal.__table__.c

_ALLOWED = func.make_interval(0, 0, 0, policy("stale_deal_after_days"), type_=Interval)
_STALE = is_stale(DEAL, [DealStage.OPEN], DEAL.last_activity_at, _ALLOWED)

# Values of all currencies in one order, whatever digits they have: thousandths of the unit, exact in 64 bits.
THOUSANDTHS = DEAL.value_minor * cast(
    case(
        *[(DEAL.currency == currency, 10 ** (3 - digits)) for currency, digits in UNUSUAL_DIGITS.items()],
        else_=10,
    ),
    BigInteger,
)

SHOWN = (
    select(
        DEAL.id,
        DEAL.version,
        DEAL.title,
        DEAL.stage,
        _STALE.label("is_stale"),
        DEAL.company_id,
        COMPANY_NAMED,
        DEAL.contact_id,
        DEAL.owner_user_id,
        OWNER,
        DEAL.value_minor,
        DEAL.currency,
        DEAL.expected_close_date,
        DEAL.notes,
        DEAL.won_at,
        DEAL.won_reason,
        DEAL.lost_at,
        DEAL.lost_reason,
        DEAL.lead_id,
        DEAL.lead_created_at,
        DEAL.last_activity_at,
        DEAL.pipeline_id,
        DEAL.pipeline_stage,
        DEAL.stage_entered_at,
        DEAL.tags,
        DEAL.custom_fields,
        DEAL.archived_at,
        DEAL.created_at,
        DEAL.updated_at,
    )
    .select_from(with_organisation(with_owner(with_company(Deal.__table__, DEAL), DEAL), DEAL))
    .where(DEAL.org_id == bindparam("org_id"))
)
BY_ID = Lookup(SHOWN.where(DEAL.id == bindparam("deal_id")), row_type=Deal, key="deal_id")
_BORN = Lookup(
    SHOWN.add_columns(missing(FieldEntity.DEAL, DEAL)).where(DEAL.id == bindparam("deal_id")),
    row_type=Deal,
    key="deal_id",
)
_BY_IDS = Lookup(SHOWN.where(DEAL.id == func.any(bindparam("deal_ids"))).order_by(DEAL.id))
LIST = ListQuery(
    SHOWN,
    key=DEAL.id,
    sorts={
        "createdAt": DEAL.created_at,
        "title": func.lower(DEAL.title),
        "stage": in_order(DEAL.stage, DealStage),
        # Nothing is less than any value: the most valuable deal comes first, not one that nobody has valued.
        "valueAmount": func.coalesce(THOUSANDTHS, -1),
        "expectedCloseDate": DEAL.expected_close_date,
    },
    filters={
        "live": DEAL.archived_at.is_(None),
        "stage": DEAL.stage == bindparam("stage"),
        "pipeline_id": DEAL.pipeline_id == bindparam("pipeline_id"),
        "pipeline_stage": DEAL.pipeline_stage == bindparam("pipeline_stage"),
        "stale": bindparam("stale", type_=Boolean) == _STALE,
        "company_id": DEAL.company_id == bindparam("company_id"),
        "owner_user_id": DEAL.owner_user_id == bindparam("owner_user_id"),
        "q": contains(DEAL.title),
        "value_min": bindparam("value_min", type_=Numeric) * 1000 <= THOUSANDTHS,
        "value_max": bindparam("value_max", type_=Numeric) * 1000 >= THOUSANDTHS,
        **created_filters(DEAL.created_at),
        **label_filters(DEAL),
    },
)


async def list_deals(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page; `filters` name the present as `now`."""
    wanted = await typed(reader, org_id, FieldEntity.DEAL, filters)
    return await LIST.page(reader, query, org_id=org_id, **wanted)


async def show(reader: Reader, org_id: UUID, deal_id: UUID, *, now: datetime) -> Any:
    """One deal as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, deal_id=deal_id, now=now)
    if not rows:
        raise NotFound("There is no such deal.")
    return rows[0]


async def show_new(reader: Reader, org_id: UUID, deal_id: UUID, *, now: datetime) -> Any:
    """A deal that has just been added; Invalid when a required custom field has no value."""
    return require((await reader.rows(_BORN, org_id=org_id, deal_id=deal_id, now=now))[0])


async def show_each(reader: Reader, org_id: UUID, deal_ids: list[UUID], *, now: datetime) -> Rows:
    """Deals by id; unknown ids are left out."""
    return await reader.rows(_BY_IDS, org_id=org_id, deal_ids=deal_ids, now=now)


async def lock(session: AsyncSession, org_id: UUID, deal_id: UUID) -> Deal:
    """A deal to be changed; NotFound when it does not exist here."""
    wanted = select(Deal).where(Deal.org_id == org_id, Deal.id == deal_id).with_for_update()
    deal = await session.scalar(wanted)
    if deal is None:
        raise NotFound("There is no such deal.")
    return deal
