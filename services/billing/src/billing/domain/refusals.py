"""What billing refuses, by the names callers know (spec/wire.md 1 and 6)."""

from chassis.errors import Conflict


class InvoiceLocked(Conflict):
    """Money and parties of the invoice can no longer be changed."""

    reason = "INVOICE_LOCKED"


class InvoiceNotLocked(Conflict):
    """There is no lock to lift."""

    reason = "INVOICE_NOT_LOCKED"


class InvoiceNotSent(Conflict):
    """A draft has no document yet."""

    reason = "INVOICE_NOT_SENT"


class NothingToInvoice(Conflict):
    """No line, or nothing to pay where the organisation does not send such invoices."""

    reason = "NOTHING_TO_INVOICE"


class Overpayment(Conflict):
    """More money than is owed."""

    reason = "OVERPAYMENT"
