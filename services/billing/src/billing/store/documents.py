"""What stands on an invoice that was sent."""

from uuid import UUID

from sqlalchemy import bindparam, func, select

from billing.domain.documents import Document
from billing.domain.invoices import Status
from billing.domain.refusals import InvoiceNotSent
from billing.store.invoice_rows import INVOICE, ORG_ID, ORGANISATION
from chassis.errors import NotFound
from chassis.money import Money
from chassis.queries import Lookup, Reader

_LOCALE = (
    select(ORGANISATION.locale)
    .where(ORGANISATION.org_id == ORG_ID, ORGANISATION.id == ORG_ID)
    .scalar_subquery()
)
_DOCUMENT = Lookup(
    select(
        INVOICE.number,
        INVOICE.reference,
        INVOICE.sent_at,
        INVOICE.issue_date,
        INVOICE.due_date,
        INVOICE.lines,
        INVOICE.taxes,
        INVOICE.net_minor,
        INVOICE.gross_minor,
        INVOICE.currency,
        INVOICE.seller,
        INVOICE.buyer,
        INVOICE.status,
        func.coalesce(_LOCALE, "en").label("locale"),
    ).where(INVOICE.org_id == ORG_ID, INVOICE.id == bindparam("invoice_id"))
)


async def get(reader: Reader, org_id: UUID, invoice_id: UUID) -> Document:
    """The document of an invoice; NotFound without the invoice, InvoiceNotSent while it is a draft."""
    rows = await reader.rows(_DOCUMENT, org_id=org_id, invoice_id=invoice_id)
    if not rows:
        raise NotFound("There is no such invoice.")
    row = rows[0]
    if row.number is None:
        raise InvoiceNotSent("The invoice was never sent, so it has no document.")
    return Document(
        number=row.number,
        reference=row.reference,
        sent_at=row.sent_at,
        issue_date=row.issue_date,
        due_date=row.due_date,
        lines=row.lines,
        taxes=row.taxes,
        net=Money(row.net_minor, row.currency),
        gross=Money(row.gross_minor, row.currency),
        seller=row.seller,
        buyer=row.buyer,
        locale=row.locale,
        is_void=row.status == Status.VOID,
    )
