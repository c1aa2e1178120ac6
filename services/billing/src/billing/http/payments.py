"""Doors to the payments of an invoice."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Body, Depends, Response
from pydantic import StringConstraints

from billing.domain.payments import Method
from billing.domain.permissions import Permission
from billing.http.invoice_schemas import InvoiceOut, MoneyText
from billing.store import invoices, payments
from billing.usecases.payments import Receipt, mark_invoice_paid, record_payment
from chassis.auth import Actor
from chassis.guards import InKeyedTx, InReadTx, InTx, Requires
from chassis.http import API, router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import Amount, Day, In, Instant, Out, Text

routes = router("payments")
invoice_routes = router("invoices")

Reader = Annotated[Actor, Depends(Requires(Permission.INVOICES_READ))]
Payer = Annotated[Actor, Depends(Requires(Permission.INVOICES_PAY))]


class ReceiptIn(In):
    """How the money came."""

    method: Method = Method.BANK_TRANSFER
    received_on: Day | None = None
    reference: Annotated[Text, StringConstraints(max_length=255)] | None = None

    def receipt(self) -> Receipt:
        """As the use case knows it."""
        return Receipt(self.method, self.received_on, self.reference)


class PaymentIn(ReceiptIn):
    """Money that came."""

    amount: Amount
    method: Method


class PaymentOut(Out):
    """A payment."""

    id: UUID
    version: int
    invoice_id: UUID
    amount: MoneyText
    currency: str
    method: Method
    received_on: date
    reference: str | None
    created_at: Instant
    updated_at: Instant


class PaymentQuery(PageQuery):
    """Order of the payments."""

    sort_by: Literal["createdAt", "receivedOn"] = "createdAt"


@routes.get("/invoices/{invoice_id}/payments", response_model=listing(PaymentOut))
async def search(
    invoice_id: UUID,
    query: Annotated[PaymentQuery, Depends(PaymentQuery.of)],
    actor: Reader,
    tx: InReadTx,
) -> PageRows | CursorRows:
    """The payments of an invoice."""
    await invoices.show(tx, actor.org_id, invoice_id, tx.now)
    return await payments.list_payments(tx, actor.org_id, invoice_id, query)


@routes.post("/invoices/{invoice_id}/payments", response_model=PaymentOut, status_code=201)
async def record(invoice_id: UUID, body: PaymentIn, response: Response, _actor: Payer, tx: InKeyedTx) -> Any:
    """Receive a part of what is owed, or all of it. Needs an Idempotency-Key."""
    response.headers["location"] = f"{API}/invoices/{invoice_id}/payments"  # where it is read
    return await record_payment(tx, invoice_id, body.amount, body.receipt())


@invoice_routes.post("/invoices/{invoice_id}/mark-paid", response_model=InvoiceOut)
async def mark_paid(
    invoice_id: UUID, _actor: Payer, tx: InTx, body: Annotated[ReceiptIn | None, Body()] = None
) -> Any:
    """Receive the whole balance."""
    return await mark_invoice_paid(tx, invoice_id, body.receipt() if body else Receipt())
