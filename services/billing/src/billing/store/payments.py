"""Payments of an invoice."""

from uuid import UUID

from sqlalchemy import bindparam, func, select

from billing.domain.payments import Payment
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Reader

PAYMENT = Payment.__table__.c

_LIST = ListQuery(
    select(
        PAYMENT.id,
        PAYMENT.version,
        PAYMENT.created_at,
        PAYMENT.updated_at,
        PAYMENT.invoice_id,
        func.jsonb_build_array(PAYMENT.amount_minor, PAYMENT.currency).label("amount"),
        PAYMENT.currency,
        PAYMENT.method,
        PAYMENT.received_on,
        PAYMENT.reference,
    ).where(PAYMENT.org_id == bindparam("org_id"), PAYMENT.invoice_id == bindparam("invoice_id")),
    key=PAYMENT.id,
    sorts={"createdAt": PAYMENT.created_at, "receivedOn": PAYMENT.received_on},
)


async def list_payments(
    reader: Reader, org_id: UUID, invoice_id: UUID, query: PageQuery
) -> PageRows | CursorRows:
    """A page of an invoice's payments in one statement; the door has made sure that the invoice is there."""
    return await _LIST.page(reader, query, org_id=org_id, invoice_id=invoice_id)
