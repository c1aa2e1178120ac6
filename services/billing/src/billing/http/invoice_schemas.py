"""Invoices on the wire (spec/wire.md 6)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from billing.domain.amounts import LineTerms
from billing.domain.invoices import Status
from billing.usecases.invoices import NewInvoice
from chassis.money import Money
from chassis.paging import PageQuery
from chassis.schema import Amount, Currency, Day, In, Instant, Out, Person, Text, absent

MAX_LINES = 100
MAX_LINE_TEXT = 10_000
"""Of all lines together: one entry of an invoice's history must fit into a message of the bus (256 KiB)."""

EffectiveStatus = Literal["DRAFT", "SENT", "PARTIALLY_PAID", "PAID", "OVERDUE", "VOID"]

Quantity = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=3)]
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
Reference = Annotated[Text, StringConstraints(min_length=1, max_length=64)]
Notes = Annotated[Text, StringConstraints(max_length=2000)]
Reason = Annotated[Text, StringConstraints(min_length=1, max_length=500)]


def _money_text(value: Any) -> Any:
    """Rows hold money as [minor units, currency]."""
    return str(Money(*value)) if isinstance(value, list | tuple) else value


MoneyText = Annotated[str, BeforeValidator(_money_text)]
"""A decimal string with the currency's digits."""


class LineIn(In):
    """A line; its discount is an amount or a percentage."""

    description: Annotated[Text, StringConstraints(min_length=1, max_length=500)]
    quantity: Quantity = Decimal(1)
    unit: Annotated[Text, StringConstraints(max_length=32)] | None = None
    unit_price: Amount
    discount_amount: Amount | None = None
    discount_percent: Percent | None = None
    tax_basis_points: int = Field(0, ge=0, le=10_000)

    @model_validator(mode="after")
    def _has_one_discount(self) -> Self:
        if self.discount_amount is not None and self.discount_percent is not None:
            raise ValueError("has a discount by amount and by percentage: send one of them")
        return self

    def terms(self) -> LineTerms:
        """As the domain knows a line."""
        return LineTerms(**{name: getattr(self, name) for name in LineIn.model_fields})


def _is_short_enough(lines: list[LineIn]) -> list[LineIn]:
    if sum(len(line.description) + len(line.unit or "") for line in lines) > MAX_LINE_TEXT:
        raise ValueError(f"descriptions and units hold at most {MAX_LINE_TEXT} characters together")
    return lines


Lines = Annotated[list[LineIn], Field(max_length=MAX_LINES), AfterValidator(_is_short_enough)]


class InvoiceIn(In):
    """A draft: lines, or a flat amount that becomes one line without tax."""

    company_id: UUID
    deal_id: UUID | None = None
    invoice_number: Reference | None = Field(
        None, description="Kept as `reference`; the number comes at sending."
    )
    currency: Currency | None = Field(None, description="The organisation's when absent.")
    issue_date: Day | None = Field(
        None, description="Today when absent, or the due date when that is earlier."
    )
    due_date: Day
    amount: Amount | None = None
    lines: Lines | None = None
    notes: Notes | None = None

    def wanted(self) -> NewInvoice:
        """As the use case knows it."""
        return NewInvoice(
            company_id=self.company_id,
            deal_id=self.deal_id,
            reference=self.invoice_number,
            currency=self.currency,
            issue_date=self.issue_date,
            due_date=self.due_date,
            amount=self.amount,
            lines=None if self.lines is None else [line.terms() for line in self.lines],
            notes=self.notes,
        )


class InvoicePatch(In):
    """What may change; of a locked invoice only the notes."""

    company_id: UUID = absent()
    deal_id: UUID | None = None
    invoice_number: Reference | None = None
    currency: Currency = absent()
    issue_date: Day = absent()
    due_date: Day = absent()
    amount: Amount = absent()
    lines: Lines = absent()
    notes: Notes | None = None

    def wanted(self) -> dict[str, Any]:
        """The changes by the names of the domain."""
        changes = self.changes()
        if "lines" in changes:
            changes["lines"] = [line.terms() for line in self.lines]
        if "invoice_number" in changes:
            changes["reference"] = changes.pop("invoice_number")
        return changes


class UnlockIn(In):
    """Why the lock is lifted."""

    reason: Annotated[Text, StringConstraints(max_length=500)] | None = None


class VoidIn(In):
    """Why the invoice was never owed."""

    reason: Reason


class InvoiceQuery(PageQuery):
    """Filters of the list; `status` is the effective one."""

    sort_by: Literal["dueDate", "createdAt", "amount", "status", "invoiceNumber"] = "dueDate"
    status: EffectiveStatus | None = None
    stored_status: Status | None = None
    company_id: UUID | None = None
    deal_id: UUID | None = None

    def filters(self) -> dict[str, Any]:
        """By the names of the store."""
        return {name: getattr(self, name) for name in ("status", "stored_status", "company_id", "deal_id")}


class Kept(Out):
    """A part of an invoice that its row keeps as JSON by the API's names."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class LineOut(Kept):
    """A line with what it costs."""

    description: str
    quantity: str
    unit: str | None
    unit_price: str
    discount_amount: str | None
    discount_percent: str | None
    tax_rate_id: UUID | None
    tax_basis_points: int
    net: str
    tax: str
    gross: str


class TaxOut(Kept):
    """The tax of one rate."""

    tax_rate_id: UUID | None
    name: str
    basis_points: int
    taxable: str
    tax: str


class TotalsOut(Out):
    """What is asked, what was paid, what is open."""

    net: MoneyText
    taxes: list[TaxOut]
    gross: MoneyText
    paid: MoneyText
    credited: MoneyText
    balance: MoneyText


class AddressOut(Kept):
    """A postal address."""

    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


class PartyOut(Kept):
    """Seller or buyer as they were at sending."""

    id: UUID
    name: str
    legal_name: str | None
    address: AddressOut | None
    vat_id: str | None
    tax_id: str | None
    registration_number: str | None
    iban: str | None
    bic: str | None
    email: str | None
    phone: str | None
    invoice_note: str | None


class CompanyRef(Out):
    """The buyer in short."""

    id: UUID
    name: str


class DealRef(Out):
    """The deal in short."""

    id: UUID
    title: str


class Someone(Person):
    """A person, an API key or the platform itself."""

    kind: Literal["user", "key", "system"]


class InvoiceSummary(Out):
    """An invoice in a list."""

    id: UUID
    version: int
    invoice_number: str | None
    reference: str | None
    company_id: UUID
    company: CompanyRef
    deal_id: UUID | None
    deal: DealRef | None
    status: Status
    effective_status: EffectiveStatus
    currency: str
    amount: MoneyText
    totals: TotalsOut
    issue_date: date
    due_date: date
    notes: str | None
    sent_at: Instant | None
    paid_at: Instant | None
    voided_at: Instant | None
    void_reason: str | None
    is_locked: bool
    locked_at: Instant | None
    locked_by_user_id: UUID | None
    locked_by_user: Someone | None
    lock_at: Instant | None
    created_by_user_id: UUID | None
    created_by_user: Someone
    created_at: Instant
    updated_at: Instant


class InvoiceOut(InvoiceSummary):
    """An invoice with its lines, and its parties once it is sent."""

    lines: list[LineOut]
    seller: PartyOut | None
    buyer: PartyOut | None
