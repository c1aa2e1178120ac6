"""Billing for tests of other services: the same answers from memory, and it can be away."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from chassis.errors import Conflict, DependencyUnavailable, NotFound
from chassis.ids import new_id
from chassis.money import Money
from clients.billing.types import Invoice, Named, Pdf

OPEN = frozenset({"SENT", "PARTIALLY_PAID"})
MADE_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


class InvoiceNotSent(Conflict):
    """A draft has no document, as billing says it."""

    reason = "INVOICE_NOT_SENT"


@dataclass
class FakeBilling:
    """In-memory billing; set `is_away` to make every question fail as a dead peer does."""

    known_invoices: dict[tuple[UUID, UUID], Invoice] = field(default_factory=dict)
    is_away: bool = False
    questions: int = 0

    def add_invoice(self, org_id: UUID, invoice_id: UUID | None = None, **values: Any) -> Invoice:
        """A sent, unpaid invoice of 100.00 EUR, or as the values say."""
        gross = values.get("gross", Money(10_000, "EUR"))
        paid = values.get("paid", Money(0, gross.currency))
        plain: dict[str, Any] = {
            "version": 1,
            "status": "SENT",
            "number": f"INV-2026-{len(self.known_invoices) + 1:05d}",
            "company": Named(new_id(), "Some Company"),
            "gross": gross,
            "paid": paid,
            "balance": gross - paid,
            "issue_date": date(2026, 1, 5),
            "due_date": date(2026, 1, 19),
            "created_at": MADE_AT,
            "updated_at": MADE_AT,
        }
        invoice = Invoice(org_id=org_id, id=invoice_id or new_id(), **plain | values)
        self.known_invoices[org_id, invoice.id] = invoice
        return invoice

    async def invoice(self, org_id: UUID, invoice_id: UUID) -> Invoice:
        """One invoice; NotFound when it does not exist."""
        self._asked()
        if (org_id, invoice_id) not in self.known_invoices:
            raise NotFound("There is no such invoice.")
        return self.known_invoices[org_id, invoice_id]

    async def open_invoices(self, org_id: UUID, company_id: UUID | None = None) -> list[Invoice]:
        """What is sent and not paid in full, the earliest due first."""
        self._asked()
        ours = [
            each for each in self.known_invoices.values() if each.org_id == org_id and each.status in OPEN
        ]
        wanted = [each for each in ours if company_id in {None, each.company.id}]
        return sorted(wanted, key=lambda each: (each.due_date, each.id))

    async def balance_of(self, org_id: UUID, company_id: UUID) -> list[Money]:
        """What a company owes, in order of currency."""
        owed: dict[str, int] = {}
        for invoice in await self.open_invoices(org_id, company_id):
            currency = invoice.balance.currency
            owed[currency] = owed.get(currency, 0) + invoice.balance.minor
        return [Money(minor, currency) for currency, minor in sorted(owed.items()) if minor]

    async def invoice_pdf(self, org_id: UUID, invoice_id: UUID) -> Pdf:
        """A tiny document; Conflict while it is a draft."""
        invoice = await self.invoice(org_id, invoice_id)
        if invoice.number is None:
            raise InvoiceNotSent("The invoice was never sent, so it has no document.")
        return Pdf(f"{invoice.number}.pdf", b"%PDF-1.7\n% a document of a test\n%%EOF\n")

    def _asked(self) -> None:
        self.questions += 1
        if self.is_away:
            raise DependencyUnavailable("The billing service does not answer; try again.", service="billing")
