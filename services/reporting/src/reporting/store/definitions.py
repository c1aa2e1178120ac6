"""What open, overdue, unpaid and stale mean, once: score, dashboard and hygiene are made of these.

The same as in the services that own the rows: work items are overdue from the day after they are due, invoices some
days later (policy overdueAfterDays), deals are stale when nothing happened for longer than staleDealAfterDays allows.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Interval,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from reporting.domain.facts import KeptFact
from reporting.domain.models import KnownCompany, KnownDeal, KnownInvoice, KnownMember, KnownOrganisation
from reporting.domain.models import KnownWorkItem as Item

Shown = ColumnElement[Any]

ITEM, DEAL, INVOICE = Item.__table__.c, KnownDeal.__table__.c, KnownInvoice.__table__.c
MEMBER, COMPANY = KnownMember.__table__.c, KnownCompany.__table__.c
ORGANISATION, FACT = KnownOrganisation.__table__.c, KeptFact.__table__.c

ORG_ID: Shown = bindparam("org_id", type_=Uuid())
NOW: Shown = bindparam("now", type_=DateTime(timezone=True))


def constant(text: str) -> Shown:
    """A text of ours inside a compiled statement, where a parameter would need a cast."""
    return literal_column(f"'{text}'")


def _of_organisation(column: Shown, otherwise: str) -> Shown:
    # With the default of a new organisation until its first fact has arrived: a report must not fail for that.
    known = select(column).where(ORGANISATION.org_id == ORG_ID, ORGANISATION.id == ORG_ID)
    return func.coalesce(known.scalar_subquery(), literal_column(otherwise))


ZONE = _of_organisation(ORGANISATION.time_zone, "'UTC'")
CURRENCY = _of_organisation(ORGANISATION.currency, "'EUR'")
OVERDUE_AFTER_DAYS = _of_organisation(ORGANISATION.overdue_after_days, "0")
STALE_DAYS = _of_organisation(ORGANISATION.stale_deal_after_days, "7")

TODAY: Shown = cast(func.timezone(ZONE, NOW), Date)
"""`chassis.clock.business_day` in SQL."""

IS_OPEN_WORK: Shown = ITEM.status != constant("DONE")
IS_OVERDUE_WORK: Shown = IS_OPEN_WORK & (ITEM.due_date < TODAY)
IS_UNDATED_WORK: Shown = IS_OPEN_WORK & ITEM.due_date.is_(None)
IS_UNASSIGNED_WORK: Shown = IS_OPEN_WORK & ITEM.assigned_to_user_id.is_(None)

IS_UNPAID: Shown = or_(INVOICE.status == constant("SENT"), INVOICE.status == constant("PARTIALLY_PAID"))
IS_OVERDUE_INVOICE: Shown = IS_UNPAID & (INVOICE.due_date < TODAY - OVERDUE_AFTER_DAYS)
IS_UNLOCKED_INVOICE: Shown = (INVOICE.status == constant("SENT")) & INVOICE.locked_at.is_(None)

IS_OPEN_DEAL: Shown = (DEAL.stage == constant("OPEN")) & DEAL.archived_at.is_(None)
IS_STALE_DEAL: Shown = IS_OPEN_DEAL & (
    DEAL.last_activity_at < NOW - func.make_interval(0, 0, 0, STALE_DAYS, type_=Interval)
)
IS_UNOWNED_DEAL: Shown = IS_OPEN_DEAL & DEAL.owner_user_id.is_(None)

AS_OF: Shown = func.coalesce(
    select(func.max(FACT.at)).where(FACT.org_id == ORG_ID).scalar_subquery(), NOW
).label("as_of")
"""When the newest fact that is in the models happened: what a report knows of."""


def person(user_id: Shown) -> Shown:
    """A member embedded by id; null for nobody, or somebody not known here yet."""
    shape = func.jsonb_build_object(
        constant("id"),
        MEMBER.id,
        constant("name"),
        MEMBER.name,
        constant("email"),
        MEMBER.email,
        constant("kind"),
        constant("user"),
    )
    return select(shape).where(MEMBER.org_id == ORG_ID, MEMBER.id == user_id).scalar_subquery()


def company(company_id: Shown, name: Shown) -> Shown:
    """A company embedded by id, by its present name or the one that the fact told."""
    known = select(COMPANY.name).where(COMPANY.org_id == ORG_ID, COMPANY.id == company_id)
    shape = func.jsonb_build_object(
        constant("id"), company_id, constant("name"), func.coalesce(known.scalar_subquery(), name)
    )
    return func.nullif(shape, func.jsonb_build_object(constant("id"), None, constant("name"), None))
