"""Invoices: the row to change, and the queries that show them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.domain.invoices import OWED, Invoice, Status
from billing.store.invoice_rows import BALANCE_MINOR, EFFECTIVE_STATUS, INVOICE, IS_OWED, ORG_ID, SHOWN
from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows

_BY_ID = Lookup(
    SHOWN.add_columns(INVOICE.lines, INVOICE.seller, INVOICE.buyer).where(
        INVOICE.id == bindparam("invoice_id")
    ),
    row_type=Invoice,
    key="invoice_id",
)
_EACH = Lookup(SHOWN.where(INVOICE.id == func.any(bindparam("invoice_ids", type_=ARRAY(Uuid)))))
_OF_COMPANY = INVOICE.company_id == bindparam("company_id")
_LIST = ListQuery(
    SHOWN,
    key=INVOICE.id,
    sorts={
        "dueDate": INVOICE.due_date,
        "createdAt": INVOICE.created_at,
        "amount": INVOICE.gross_minor,
        # In the order of the states, not of the alphabet.
        "status": case({status: place for place, status in enumerate(Status)}, value=INVOICE.status),
        "invoiceNumber": INVOICE.number,
    },
    filters={
        "status": bindparam("status") == EFFECTIVE_STATUS,
        "stored_status": INVOICE.status == bindparam("stored_status"),
        "company_id": _OF_COMPANY,
        "deal_id": INVOICE.deal_id == bindparam("deal_id"),
    },
)
_OPEN = ListQuery(
    SHOWN.where(IS_OWED),
    key=INVOICE.id,
    sorts={"dueDate": INVOICE.due_date},
    filters={"company_id": _OF_COMPANY},
)
_BALANCES = Lookup(
    select(INVOICE.currency, cast(func.sum(BALANCE_MINOR), BigInteger).label("minor"))
    .where(INVOICE.org_id == ORG_ID, _OF_COMPANY, IS_OWED, BALANCE_MINOR > 0)
    .group_by(INVOICE.currency)
    .order_by(INVOICE.currency)
)


async def get(session: AsyncSession, org_id: UUID, invoice_id: UUID) -> Invoice:
    """The invoice, locked to be changed; NotFound when this organisation has none of that id."""
    wanted = select(Invoice).where(Invoice.org_id == org_id, Invoice.id == invoice_id)
    invoice = await session.scalar(wanted.with_for_update())
    if invoice is None:
        raise NotFound("There is no such invoice.")
    return invoice


async def is_drafted(session: AsyncSession, org_id: UUID, won_deal_id: UUID) -> bool:
    """Whether winning this deal has made its draft."""
    wanted = select(Invoice.id).where(Invoice.org_id == org_id, Invoice.won_deal_id == won_deal_id)
    return await session.scalar(wanted) is not None


async def show(reader: Reader, org_id: UUID, invoice_id: UUID, now: datetime) -> Any:
    """The invoice as it is shown, in one statement; NotFound when this organisation has none of that id."""
    rows = await reader.rows(_BY_ID, org_id=org_id, invoice_id=invoice_id, now=now)
    if not rows:
        raise NotFound("There is no such invoice.")
    return rows[0]


async def show_each(reader: Reader, org_id: UUID, invoice_ids: list[UUID], now: datetime) -> Rows:
    """Invoices by id as lists show them, in one statement; unknown ids are left out."""
    return await reader.rows(_EACH, org_id=org_id, invoice_ids=invoice_ids, now=now)


async def list_invoices(
    reader: Reader, org_id: UUID, query: PageQuery, *, now: datetime, filters: Mapping[str, Any]
) -> PageRows | CursorRows:
    """A page of invoices in one statement."""
    return await _LIST.page(reader, query, org_id=org_id, now=now, **filters)


async def list_open(
    reader: Reader, org_id: UUID, query: PageQuery, *, now: datetime, company_id: UUID | None
) -> PageRows | CursorRows:
    """A page of what is owed."""
    return await _OPEN.page(reader, query, org_id=org_id, now=now, company_id=company_id)


async def list_balances(reader: Reader, org_id: UUID, company_id: UUID) -> list[Any]:
    """What a company owes, by currency, in minor units."""
    return await reader.rows(_BALANCES, org_id=org_id, company_id=company_id)


async def list_due_for_lock(session: AsyncSession, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Organisation and id of invoices that are open for changes past their time, of every tenant (system role)."""
    # tenantless: the job that locks them again looks for all organisations at once and acts in each one's transaction
    wanted = select(Invoice.org_id, Invoice.id).where(
        Invoice.locked_at.is_(None), Invoice.lock_at <= now, Invoice.status.in_(OWED)
    )
    found = await session.execute(wanted.order_by(Invoice.lock_at).limit(limit))
    return [(row.org_id, row.id) for row in found]
