"""The invoice: from draft to paid, locked once sent, never owed less than nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from billing.domain.amounts import Json, Priced
from billing.domain.parties import Parties
from billing.domain.refusals import InvoiceLocked, InvoiceNotLocked, NothingToInvoice, Overpayment
from billing.domain.rows import Row
from chassis.auth import Actor
from chassis.errors import Invalid
from chassis.money import Money
from chassis.rows import Aggregate, Instant
from chassis.states import check_move


class Status(StrEnum):
    """The stored states; OVERDUE is only computed, because it depends on the reader's today."""

    DRAFT = "DRAFT"
    SENT = "SENT"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    VOID = "VOID"


MOVES = {
    Status.DRAFT: frozenset({Status.SENT, Status.VOID}),
    Status.SENT: frozenset({Status.PARTIALLY_PAID, Status.PAID, Status.VOID}),
    Status.PARTIALLY_PAID: frozenset({Status.PARTIALLY_PAID, Status.PAID}),
    Status.PAID: frozenset[Status](),
    Status.VOID: frozenset[Status](),
}
OWED = (Status.SENT, Status.PARTIALLY_PAID)
UNLOCKED_FIELDS = frozenset({"notes"})
NUMBER_WHEN_SENT = "(number IS NOT NULL) = (sent_at IS NOT NULL)"
SENT_UNLESS_DRAFT = "sent_at IS NOT NULL OR status IN ('DRAFT', 'VOID')"


@dataclass(frozen=True, slots=True)
class Locking:
    """What the organisation's policies say about locks."""

    is_locked_on_sent: bool
    lock_after: timedelta
    is_kept_after_payment: bool


class Invoice(Row, Aggregate):
    """An invoice with its lines: they have no life of their own and are always read and replaced together."""

    __tablename__ = "invoice"
    entity_type: ClassVar[str] = "INVOICE"
    redacted: ClassVar[frozenset[str]] = frozenset({"seller", "buyer"})
    amounts: ClassVar[Mapping[str, str]] = {"net_minor": "net", "gross_minor": "amount", "paid_minor": "paid"}
    __table_args__ = (
        UniqueConstraint("org_id", "number", name="uq_invoice_number"),
        UniqueConstraint("org_id", "won_deal_id", name="uq_invoice_won_deal"),
        CheckConstraint("status IN ('DRAFT', 'SENT', 'PARTIALLY_PAID', 'PAID', 'VOID')", "status"),
        CheckConstraint(NUMBER_WHEN_SENT, "number"),
        CheckConstraint(SENT_UNLESS_DRAFT, "sent"),
        CheckConstraint("due_date >= issue_date", "dates"),
        CheckConstraint("net_minor >= 0 AND gross_minor >= net_minor", "amounts"),
        CheckConstraint("paid_minor BETWEEN 0 AND gross_minor", "paid"),
        Index("ix_invoice_due", "org_id", "due_date", "id"),
        Index("ix_invoice_created", "org_id", "created_at", "id"),
        Index("ix_invoice_company", "org_id", "company_id", "due_date"),
        Index("ix_invoice_deal", "org_id", "deal_id"),
        Index(
            "ix_invoice_relock",
            "org_id",
            "lock_at",
            postgresql_where=text("locked_at IS NULL AND lock_at IS NOT NULL"),
        ),
    )

    number: Mapped[str | None] = mapped_column(String(32))
    reference: Mapped[str | None] = mapped_column(String(64))
    company_id: Mapped[UUID]
    deal_id: Mapped[UUID | None]
    won_deal_id: Mapped[UUID | None]
    """The deal whose winning made this draft: at most one draft per deal."""
    status: Mapped[str] = mapped_column(String(16))
    currency: Mapped[str] = mapped_column(String(3))
    issue_date: Mapped[date]
    due_date: Mapped[date]
    lines: Mapped[list[Json]] = mapped_column(JSONB)
    taxes: Mapped[list[Json]] = mapped_column(JSONB)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    paid_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    notes: Mapped[str | None] = mapped_column(String(2000))
    seller: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    buyer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)
    void_reason: Mapped[str | None] = mapped_column(String(500))
    locked_at: Mapped[datetime | None] = mapped_column(Instant)
    locked_by_user_id: Mapped[UUID | None]
    locked_by: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    lock_at: Mapped[datetime | None] = mapped_column(Instant)
    unlock_reason: Mapped[str | None] = mapped_column(String(500))
    created_by_user_id: Mapped[UUID | None]
    created_by: Mapped[dict[str, Any]] = mapped_column(JSONB)

    @property
    def balance(self) -> Money:
        """What is still owed."""
        return Money(self.gross_minor - self.paid_minor, self.currency)

    def check_changeable(self, fields: Collection[str]) -> None:
        """Raise InvoiceLocked when one of the fields may not be changed now."""
        if self.locked_at is not None and not UNLOCKED_FIELDS.issuperset(fields):
            raise InvoiceLocked("The invoice is locked. Unlock it before editing.", lockedAt=self.locked_at)
        if self.number is not None and "company_id" in fields:
            raise InvoiceLocked("The buyer of a sent invoice is fixed: void it and write a new one.")
        if self.paid_minor and "currency" in fields:
            raise InvoiceLocked("The currency is fixed once money was received.")

    def reprice(self, priced: Priced) -> None:
        """Take other lines, and with them other sums."""
        self.currency = priced.net.currency
        self.lines = priced.lines
        self.taxes = priced.taxes
        self.net_minor = priced.net.minor
        self.gross_minor = priced.gross.minor

    def check_dates(self) -> None:
        """Raise Invalid when the invoice is due before it is issued."""
        if self.due_date < self.issue_date:
            raise Invalid.field("dueDate", "must not be before issueDate")

    def check_billable(self, *, is_zero_allowed: bool) -> None:
        """Raise NothingToInvoice without lines, or with nothing to pay unless policy allows it."""
        if not self.lines or (self.gross_minor == 0 and not is_zero_allowed):
            raise NothingToInvoice("The invoice has nothing to pay for.")

    def check_sendable(self, *, is_zero_allowed: bool) -> None:
        """Raise unless it is a draft with something to pay for."""
        check_move(MOVES, Status(self.status), Status.SENT)
        self.check_billable(is_zero_allowed=is_zero_allowed)

    def send(self, now: datetime, by: Actor, parties: Parties, locking: Locking) -> None:
        """DRAFT to SENT, with both parties as they are now; the number is the caller's last step."""
        self._move(Status.SENT)
        self.sent_at = now
        self.seller = parties.seller.kept()
        self.buyer = parties.buyer.kept()
        self.lock_at = now + locking.lock_after
        if locking.is_locked_on_sent:
            self.lock(now, by)

    def pay(self, now: datetime, by: Actor, amount: Money) -> None:
        """Receive money; nothing left to pay makes it PAID, and paid invoices are closed."""
        wanted = Status.PAID if amount == self.balance else Status.PARTIALLY_PAID
        if self.status != Status.PAID:
            check_move(MOVES, Status(self.status), wanted)
        if self.balance < amount:
            raise Overpayment("That is more than is owed.", balance=str(self.balance))
        self._move(wanted)
        self.paid_minor += amount.minor
        self._close_when_paid(now, by)

    def settle(self, now: datetime, by: Actor) -> None:
        """After a change of what is owed: refuse to owe less than was paid, close what is paid in full."""
        if self.gross_minor < self.paid_minor:
            raise Overpayment("More was already paid.", paid=str(Money(self.paid_minor, self.currency)))
        if self.paid_minor and self.gross_minor == self.paid_minor:
            self._move(Status.PAID)
        self._close_when_paid(now, by)

    def lock(self, now: datetime, by: Actor) -> None:
        """Close money and parties for changes."""
        self.locked_at = now
        self.locked_by_user_id = by.id
        self.locked_by = by.snapshot()

    def is_due_for_lock(self, now: datetime) -> bool:
        """Whether it is open for changes and its time to be locked has come."""
        has_come = self.lock_at is not None and self.lock_at <= now
        return has_come and self.locked_at is None and self.status in OWED

    def unlock(self, now: datetime, reason: str, locking: Locking) -> None:
        """Lift the lock until `lock_at`; one that has passed starts anew, so that there is time to edit."""
        if self.locked_at is None:
            raise InvoiceNotLocked("The invoice is not locked.")
        if self.status not in OWED:
            raise InvoiceLocked("A settled invoice stays locked.", status=self.status)
        if self.paid_minor and locking.is_kept_after_payment:
            policy = "preventInvoiceUnlockAfterPartialPayment"
            raise InvoiceLocked("Money was received, so the invoice stays locked.", policy=policy)
        self.locked_at = self.locked_by_user_id = self.locked_by = None
        self.unlock_reason = reason
        if self.lock_at is None or self.lock_at <= now:
            self.lock_at = now + locking.lock_after

    def void(self, now: datetime, by: Actor, reason: str) -> None:
        """Declare that it was never owed; the number stays used."""
        self._move(Status.VOID)
        self.voided_at = now
        self.void_reason = reason
        if self.locked_at is None:
            self.lock(now, by)

    def _close_when_paid(self, now: datetime, by: Actor) -> None:
        if self.status == Status.PAID:
            self.paid_at = now
            if self.locked_at is None:
                self.lock(now, by)

    def _move(self, wanted: Status) -> None:
        check_move(MOVES, Status(self.status), wanted)
        self.status = wanted
