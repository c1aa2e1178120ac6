"""The measures of the present, and the scores of the past."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, bindparam, func, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.queries import Lookup, Reader
from reporting.domain.models import KnownOrganisation
from reporting.domain.snapshots import HealthSnapshot
from reporting.store.definitions import (
    AS_OF,
    DEAL,
    INVOICE,
    IS_OPEN_DEAL,
    IS_OPEN_WORK,
    IS_OVERDUE_INVOICE,
    IS_OVERDUE_WORK,
    IS_STALE_DEAL,
    IS_UNDATED_WORK,
    IS_UNLOCKED_INVOICE,
    IS_UNOWNED_DEAL,
    IS_UNPAID,
    ITEM,
    ORG_ID,
    OVERDUE_AFTER_DAYS,
    STALE_DAYS,
    TODAY,
    Shown,
)

SNAPSHOT = HealthSnapshot.__table__.c


def _count(condition: Shown, label: str) -> Shown:
    return func.count().filter(condition).label(label)


_WORK = (
    select(
        func.count().label("open_work"),
        _count(IS_OVERDUE_WORK, "overdue_work"),
        _count(IS_UNDATED_WORK, "undated"),
    )
    .where(ITEM.org_id == ORG_ID, IS_OPEN_WORK)
    .subquery("work")
)
_INVOICES = (
    select(
        func.count().label("unpaid_invoices"),
        _count(IS_OVERDUE_INVOICE, "overdue_invoices"),
        _count(IS_UNLOCKED_INVOICE, "unlocked"),
    )
    .where(INVOICE.org_id == ORG_ID, IS_UNPAID)
    .subquery("invoices")
)
_DEALS = (
    select(
        func.count().label("open_deals"),
        _count(IS_STALE_DEAL, "stale_deals"),
        _count(IS_UNOWNED_DEAL, "unowned"),
    )
    .where(DEAL.org_id == ORG_ID, IS_OPEN_DEAL)
    .subquery("deals")
)
_YESTERDAY = (
    select(SNAPSHOT.score).where(SNAPSHOT.org_id == ORG_ID, SNAPSHOT.day == TODAY - 1).scalar_subquery()
)
# tenantless: reads no table itself, each of its parts names org_id
_PRESENT = Lookup(
    select(
        _WORK.c.open_work,
        _WORK.c.overdue_work,
        _INVOICES.c.unpaid_invoices,
        _INVOICES.c.overdue_invoices,
        _DEALS.c.open_deals,
        _DEALS.c.stale_deals,
        (_WORK.c.undated + _INVOICES.c.unlocked + _DEALS.c.unowned).label("findings"),
        STALE_DAYS.label("stale_days"),
        OVERDUE_AFTER_DAYS.label("overdue_after_days"),
        TODAY.label("today"),
        _YESTERDAY.label("yesterday_score"),
        AS_OF,
    ).select_from(_WORK.join(_INVOICES, true()).join(_DEALS, true()))
)


async def read_present(reader: Reader, org_id: UUID, now: Any) -> Any:
    """What the score is made of, the organisation's day and the score of the day before, in one statement."""
    [row] = await reader.rows(_PRESENT, org_id=org_id, now=now)
    return row


_DAY: Shown = func.coalesce(bindparam("day", type_=Date()), TODAY)
# tenantless: the organisation's day, beside which each of the others names org_id
_DAYS = select(_DAY.label("day"), TODAY.label("today")).subquery("wanted")
_TWO_DAYS = Lookup(
    select(_DAYS.c.day.label("wanted_day"), _DAYS.c.today, SNAPSHOT.day, SNAPSHOT.score, SNAPSHOT.breakdown)
    .select_from(
        _DAYS.outerjoin(
            HealthSnapshot.__table__,
            (SNAPSHOT.org_id == ORG_ID) & SNAPSHOT.day.between(_DAYS.c.day - 1, _DAYS.c.day),
        )
    )
    .order_by(SNAPSHOT.day)
)


async def list_two_days(reader: Reader, org_id: UUID, day: date | None, now: Any) -> Sequence[Any]:
    """The snapshots of a day (today when None) and the one before, as far as they exist; one row at least."""
    return await reader.rows(_TWO_DAYS, org_id=org_id, day=day, now=now)


HISTORY_DAYS, MAX_HISTORY = 30, 367
_LAST: Shown = func.coalesce(bindparam("last", type_=Date()), TODAY)
_FIRST: Shown = func.coalesce(bindparam("first", type_=Date()), _LAST - literal_column(str(HISTORY_DAYS - 1)))
_HISTORY = Lookup(
    select(SNAPSHOT.day.label("date_key"), SNAPSHOT.score, SNAPSHOT.breakdown, SNAPSHOT.kpis)
    .where(SNAPSHOT.org_id == ORG_ID, SNAPSHOT.day.between(_FIRST, _LAST))
    .order_by(SNAPSHOT.day)
    .limit(MAX_HISTORY)
)


async def list_history(
    reader: Reader, org_id: UUID, first: date | None, last: date | None, now: Any
) -> Sequence[Any]:
    """The snapshots of a range of days, oldest first; by default of the last thirty."""
    return await reader.rows(_HISTORY, org_id=org_id, first=first, last=last, now=now)


async def lock(session: AsyncSession, org_id: UUID) -> None:
    """Until the transaction ends nobody else computes this organisation's score."""
    # tenantless: locks the organisation's id and reads no table
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(org_id), 0))))


async def find(session: AsyncSession, org_id: UUID, day: date) -> HealthSnapshot | None:
    """The snapshot of a day to be replaced."""
    wanted = select(HealthSnapshot).where(HealthSnapshot.org_id == org_id, HealthSnapshot.day == day)
    found: HealthSnapshot | None = await session.scalar(wanted)
    return found


async def list_due(session: AsyncSession, now: Any, first_hour: int) -> list[UUID]:
    """The organisations that have no score of their present day although its hour has come; for the system role."""
    local = func.timezone(KnownOrganisation.time_zone, now)
    # tenantless: the job runs for every organisation
    is_there = (
        select(HealthSnapshot.id)
        .where(
            HealthSnapshot.org_id == KnownOrganisation.org_id,
            HealthSnapshot.day == func.date(local),
        )
        .exists()
    )
    # tenantless: as above
    due = select(KnownOrganisation.org_id).where(
        KnownOrganisation.status != "archived", func.date_part("hour", local) >= first_hour, ~is_there
    )
    return list(await session.scalars(due.order_by(KnownOrganisation.org_id)))
