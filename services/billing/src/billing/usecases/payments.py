"""Paying an invoice."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.domain.amounts import money
from billing.domain.invoices import Invoice, Status
from billing.domain.payments import Method, Payment
from billing.published import invoice_paid, invoice_partially_paid, payment_recorded
from billing.store import invoices, references
from billing.usecases.invoices import publish
from chassis.clock import business_day
from chassis.errors import Invalid
from chassis.ids import new_id
from chassis.money import Money
from chassis.tx import Tx


@dataclass(frozen=True, slots=True)
class Receipt:
    """How money came; received today in the organisation's zone unless said otherwise."""

    method: Method = Method.BANK_TRANSFER
    received_on: date | None = None
    reference: str | None = None


async def record_payment(tx: Tx, invoice_id: UUID, amount: Decimal, receipt: Receipt) -> Payment:
    """Receive a part of what is owed, or all of it; more is refused."""
    invoice = await invoices.get(tx.session, tx.actor.org_id, invoice_id)
    tx.expect(invoice)
    received = money(amount, invoice.currency, "amount")
    if received.minor <= 0:
        raise Invalid.field("amount", "must be more than 0")
    invoice.pay(tx.now, tx.actor, received)
    tx.record(invoice, "RECORD_PAYMENT")
    payment = await _add(tx, invoice, received, receipt)
    await _publish(tx, invoice, payment)
    return payment


async def mark_invoice_paid(tx: Tx, invoice_id: UUID, receipt: Receipt) -> Any:
    """Receive the whole balance; an invoice of nothing is paid without a payment."""
    invoice = await invoices.get(tx.session, tx.actor.org_id, invoice_id)
    tx.expect(invoice)
    balance = invoice.balance
    invoice.pay(tx.now, tx.actor, balance)
    tx.record(invoice, "MARK_PAID")
    payment = await _add(tx, invoice, balance, receipt) if balance.minor else None
    return await _publish(tx, invoice, payment)


async def _add(tx: Tx, invoice: Invoice, amount: Money, receipt: Receipt) -> Payment:
    organisation = await references.organisation(tx.session, tx.actor.org_id)
    payment = Payment(
        org_id=tx.actor.org_id,
        id=new_id(),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        invoice_id=invoice.id,
        amount_minor=amount.minor,
        currency=amount.currency,
        method=receipt.method,
        received_on=receipt.received_on or business_day(tx.now, organisation.time_zone),
        reference=receipt.reference,
    )
    tx.add(payment)
    tx.record(payment, "CREATE")
    return payment


async def _publish(tx: Tx, invoice: Invoice, payment: Payment | None) -> Any:
    row = await publish(
        tx, invoice, invoice_paid if invoice.status == Status.PAID else invoice_partially_paid
    )
    if payment is not None:
        tx.publish(payment_recorded(payment, row))
    return row
