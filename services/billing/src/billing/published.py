"""Facts out: what happened to an invoice, with the invoice as it is now."""

from typing import Any

from chassis.tx import Fact
from execos.billing.v1 import events_pb2 as events
from execos.billing.v1.snapshots_pb2 import InvoiceSnapshot, PaymentSnapshot
from execos.platform.v1.values_pb2 import Money as MoneyMessage
from execos.platform.v1.values_pb2 import Reference


def invoice_created(invoice: Any) -> Fact:
    """A draft exists."""
    return _fact(invoice, events.InvoiceCreated(invoice=snapshot(invoice)))


def invoice_updated(invoice: Any) -> Fact:
    """Something other than the status or the lock changed."""
    return _fact(invoice, events.InvoiceUpdated(invoice=snapshot(invoice)))


def invoice_sent(invoice: Any) -> Fact:
    """The invoice has its number and goes to the buyer."""
    return _fact(invoice, events.InvoiceSent(invoice=snapshot(invoice), buyer_email=invoice.buyer["email"]))


def invoice_locked(invoice: Any) -> Fact:
    """Money and parties can no longer be changed."""
    return _fact(invoice, events.InvoiceLocked(invoice=snapshot(invoice)))


def invoice_unlocked(invoice: Any) -> Fact:
    """Somebody lifted the lock."""
    return _fact(invoice, events.InvoiceUnlocked(invoice=snapshot(invoice), reason=invoice.unlock_reason))


def invoice_paid(invoice: Any) -> Fact:
    """Nothing is owed any more."""
    return _fact(invoice, events.InvoicePaid(invoice=snapshot(invoice)))


def invoice_partially_paid(invoice: Any) -> Fact:
    """A payment left a balance."""
    return _fact(invoice, events.InvoicePartiallyPaid(invoice=snapshot(invoice)))


def invoice_voided(invoice: Any) -> Fact:
    """The invoice was never owed."""
    return _fact(invoice, events.InvoiceVoided(invoice=snapshot(invoice), reason=invoice.void_reason))


def payment_recorded(payment: Any, invoice: Any) -> Fact:
    """Money arrived."""
    message = PaymentSnapshot(
        id=str(payment.id),
        version=payment.version,
        invoice_id=str(payment.invoice_id),
        amount=MoneyMessage(minor=payment.amount_minor, currency=payment.currency),
        method=payment.method,
        received_on=payment.received_on.isoformat(),
        reference=payment.reference,
        created_at=payment.created_at,
    )
    recorded = events.PaymentRecorded(payment=message, invoice=snapshot(invoice))
    return Fact(recorded, payment.id, payment.version)


def snapshot(invoice: Any) -> InvoiceSnapshot:
    """An invoice, as the store shows it, as others may know it."""
    return InvoiceSnapshot(
        id=str(invoice.id),
        version=invoice.version,
        invoice_number=invoice.invoice_number,
        status=invoice.status,
        company=Reference(id=invoice.company["id"], name=invoice.company["name"]),
        deal=invoice.deal and Reference(id=invoice.deal["id"], name=invoice.deal["title"]),
        gross=_money(invoice.totals["gross"]),
        paid=_money(invoice.totals["paid"]),
        balance=_money(invoice.totals["balance"]),
        issue_date=invoice.issue_date.isoformat(),
        due_date=invoice.due_date.isoformat(),
        created_by_user_id=invoice.created_by_user_id and str(invoice.created_by_user_id),
        sent_at=invoice.sent_at,
        paid_at=invoice.paid_at,
        locked_at=invoice.locked_at,
        created_at=invoice.created_at,
        updated_at=invoice.updated_at,
    )


def _money(amount: tuple[int, str]) -> MoneyMessage:
    minor, currency = amount
    return MoneyMessage(minor=minor, currency=currency)


def _fact(invoice: Any, message: Any) -> Fact:
    return Fact(message, invoice.id, invoice.version)
