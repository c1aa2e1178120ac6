"""The CEO dashboard: sums by currency, what is overdue, the figures of the last days."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select

from chassis.queries import Lookup, Reader, Rows
from reporting.store.definitions import (
    AS_OF,
    CURRENCY,
    DEAL,
    INVOICE,
    IS_OPEN_DEAL,
    IS_OVERDUE_INVOICE,
    IS_OVERDUE_WORK,
    IS_UNPAID,
    ITEM,
    ORG_ID,
    TODAY,
    Shown,
    company,
    person,
)
from reporting.store.health import list_history

BOTTLENECKS = 10
DUE_DAYS = 7


class Figures(NamedTuple):
    """Currency, overdue work and freshness of the organisation; the sums of each currency in minor units."""

    frame: Any
    sums: Rows


class Dashboard(NamedTuple):
    """The rows that a dashboard shows."""

    figures: Figures
    items: Rows
    invoices: Rows
    days: Sequence[Any]


def _sum(column: Shown, condition: Shown) -> Shown:
    return cast(func.coalesce(func.sum(column).filter(condition), 0), BigInteger)


# tenantless: reads no table itself, each of its parts names org_id
_FRAME = Lookup(
    select(
        CURRENCY.label("currency"),
        select(func.count())
        .where(ITEM.org_id == ORG_ID, IS_OVERDUE_WORK)
        .scalar_subquery()
        .label("overdue_work"),
        AS_OF,
    )
)
_DEALS = (
    select(DEAL.currency, _sum(DEAL.value_minor, IS_OPEN_DEAL).label("open_deals"))
    .where(DEAL.org_id == ORG_ID, IS_OPEN_DEAL, DEAL.currency.is_not(None))
    .group_by(DEAL.currency)
    .subquery("deals")
)
_IS_DUE_SOON = INVOICE.due_date.between(TODAY, TODAY + DUE_DAYS)
_INVOICES = (
    select(
        INVOICE.currency,
        _sum(INVOICE.balance_minor, _IS_DUE_SOON).label("due"),
        _sum(INVOICE.balance_minor, IS_OVERDUE_INVOICE).label("overdue"),
    )
    .where(INVOICE.org_id == ORG_ID, IS_UNPAID)
    .group_by(INVOICE.currency)
    .subquery("invoices")
)
_EITHER = func.coalesce(_DEALS.c.currency, _INVOICES.c.currency)
# tenantless: reads no table itself, both of its parts name org_id
_SUMS = Lookup(
    select(
        _EITHER.label("currency"),
        func.coalesce(_DEALS.c.open_deals, 0).label("open_deals"),
        func.coalesce(_INVOICES.c.due, 0).label("due"),
        func.coalesce(_INVOICES.c.overdue, 0).label("overdue"),
    )
    .select_from(_DEALS.outerjoin(_INVOICES, _DEALS.c.currency == _INVOICES.c.currency, full=True))
    .order_by(_EITHER)
)
_ITEMS = Lookup(
    select(
        ITEM.id,
        ITEM.title,
        ITEM.status,
        ITEM.priority,
        ITEM.due_date,
        (TODAY - ITEM.due_date).label("days_overdue"),
        person(ITEM.assigned_to_user_id).label("assigned_to_user"),
        company(ITEM.company_id, ITEM.company_name).label("company"),
    )
    .where(ITEM.org_id == ORG_ID, IS_OVERDUE_WORK)
    .order_by(ITEM.due_date, ITEM.id)
    .limit(BOTTLENECKS)
)
_OVERDUE_INVOICES = Lookup(
    select(
        INVOICE.id,
        INVOICE.number.label("invoice_number"),
        INVOICE.status,
        INVOICE.gross_minor,
        INVOICE.balance_minor,
        INVOICE.currency,
        INVOICE.due_date,
        (TODAY - INVOICE.due_date).label("days_overdue"),
        company(INVOICE.company_id, INVOICE.company_name).label("company"),
    )
    .where(INVOICE.org_id == ORG_ID, IS_OVERDUE_INVOICE)
    .order_by(INVOICE.due_date, INVOICE.id)
    .limit(BOTTLENECKS)
)


async def read_figures(reader: Reader, org_id: UUID, now: Any) -> Figures:
    """What the figures of the present are made of."""
    [frame] = await reader.rows(_FRAME, org_id=org_id, now=now)
    return Figures(frame, await reader.rows(_SUMS, org_id=org_id, now=now))


async def read_dashboard(reader: Reader, org_id: UUID, now: Any) -> Dashboard:
    """Everything on it, in five statements however much there is."""
    return Dashboard(
        await read_figures(reader, org_id, now),
        await reader.rows(_ITEMS, org_id=org_id, now=now),
        await reader.rows(_OVERDUE_INVOICES, org_id=org_id, now=now),
        await list_history(reader, org_id, None, None, now),
    )
