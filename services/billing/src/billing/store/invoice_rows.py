"""What a row of an invoice shows: parties, sums, and the status of today, joined in the same statement."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from billing.copies import KnownCompany, KnownDeal, KnownMember, KnownOrganisation
from billing.domain.invoices import OWED, Invoice, Status

OVERDUE = "OVERDUE"

INVOICE = Invoice.__table__.c
COMPANY = KnownCompany.__table__.c
DEAL = KnownDeal.__table__.c
ORGANISATION = KnownOrganisation.__table__.c
_CREATOR, _LOCKER = KnownMember.__table__.alias("creator"), KnownMember.__table__.alias("locker")

Shown = ColumnElement[Any]

ORG_ID: Shown = bindparam("org_id")
NOW: Shown = bindparam("now", type_=DateTime(timezone=True))
NOTHING = cast(literal(0), BigInteger)


def _day(time_zone: Shown) -> Shown:
    """`chassis.clock.business_day` in SQL, so that a list needs no statement of its own to learn what today is."""
    return cast(func.timezone(time_zone, NOW), Date)


# What is due before this day is overdue. UTC until the organisation's copy has arrived: a list must not fail for that.
OVERDUE_BEFORE: Shown = func.coalesce(
    select(
        _day(ORGANISATION.time_zone)
        - func.coalesce(cast(ORGANISATION.guardrails["overdue_after_days"].astext, Integer), 0)
    )
    .where(ORGANISATION.org_id == ORG_ID, ORGANISATION.id == ORG_ID)
    .scalar_subquery(),
    _day(literal("UTC")),
)
IS_OWED: Shown = or_(*(INVOICE.status == status for status in OWED))
EFFECTIVE_STATUS: Shown = case(
    (and_(IS_OWED, INVOICE.due_date < OVERDUE_BEFORE), OVERDUE), else_=INVOICE.status
)
BALANCE_MINOR: Shown = case(
    (INVOICE.status == Status.VOID, NOTHING), else_=INVOICE.gross_minor - INVOICE.paid_minor
)


def _money(minor: Shown) -> Shown:
    """Minor units beside their currency; the schema writes them as a decimal string."""
    return func.jsonb_build_array(minor, INVOICE.currency)


def _person(member: Any, then: Shown) -> Shown:
    """A member as known now, else the snapshot of who acted: an API key, the platform, somebody not known here."""
    known = func.jsonb_build_object(
        "id", member.id, "name", member.name, "email", member.email, "kind", "user"
    )
    return case((member.id.is_not(None), known), else_=then)


# A won deal may arrive before its company does; it brings the company's name along.
_COMPANY_NAME: Shown = func.coalesce(
    COMPANY.name, case((DEAL.company_id == INVOICE.company_id, DEAL.company_name)), ""
)
_DEAL: Shown = case(
    (
        INVOICE.deal_id.is_not(None),
        func.jsonb_build_object("id", INVOICE.deal_id, "title", func.coalesce(DEAL.title, "")),
    )
)
_SUMS: dict[str, Shown] = {
    "net": _money(INVOICE.net_minor),
    "taxes": INVOICE.taxes,
    "gross": _money(INVOICE.gross_minor),
    "paid": _money(INVOICE.paid_minor),
    "credited": _money(NOTHING),
    "balance": _money(BALANCE_MINOR),
}
_HIDDEN = frozenset({"org_id", "number", "won_deal_id", "lines", "taxes", "seller", "buyer", "net_minor",
                     "gross_minor", "paid_minor", "locked_by", "created_by"})  # fmt: skip

SHOWN = (
    select(
        *(column for column in INVOICE if column.name not in _HIDDEN),
        INVOICE.number.label("invoice_number"),
        EFFECTIVE_STATUS.label("effective_status"),
        INVOICE.locked_at.is_not(None).label("is_locked"),
        func.jsonb_build_object("id", INVOICE.company_id, "name", _COMPANY_NAME).label("company"),
        _DEAL.label("deal"),
        _person(_CREATOR.c, INVOICE.created_by).label("created_by_user"),
        _person(_LOCKER.c, INVOICE.locked_by).label("locked_by_user"),
        _money(INVOICE.gross_minor).label("amount"),
        func.jsonb_build_object(*(part for sum_ in _SUMS.items() for part in sum_)).label("totals"),
    )
    .select_from(
        Invoice.__table__.outerjoin(
            KnownCompany.__table__, and_(COMPANY.org_id == INVOICE.org_id, COMPANY.id == INVOICE.company_id)
        )
        .outerjoin(KnownDeal.__table__, and_(DEAL.org_id == INVOICE.org_id, DEAL.id == INVOICE.deal_id))
        .outerjoin(
            _CREATOR,
            and_(_CREATOR.c.org_id == INVOICE.org_id, _CREATOR.c.id == INVOICE.created_by_user_id),
        )
        .outerjoin(
            _LOCKER, and_(_LOCKER.c.org_id == INVOICE.org_id, _LOCKER.c.id == INVOICE.locked_by_user_id)
        )
    )
    .where(INVOICE.org_id == ORG_ID)
)
"""An invoice as a list shows it; lines and parties are added where one invoice is read."""
