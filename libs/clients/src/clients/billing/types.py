"""What billing tells others, as plain values."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

from chassis.money import Money
from execos.billing.v1.snapshots_pb2 import InvoiceSnapshot
from execos.platform.v1.values_pb2 import Money as MoneyMessage
from execos.platform.v1.values_pb2 import Reference

SnapshotInstant = Literal["sent_at", "paid_at", "locked_at"]


class Named(NamedTuple):
    """Another aggregate by id and name."""

    id: UUID
    name: str


class Pdf(NamedTuple):
    """A document and a name for its file."""

    filename: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice without its lines; `status` is the stored one, OVERDUE depends on the reader's today."""

    org_id: UUID
    id: UUID
    version: int
    status: str
    company: Named
    gross: Money
    paid: Money
    balance: Money
    issue_date: date
    due_date: date
    created_at: datetime
    updated_at: datetime
    number: str | None = None
    deal: Named | None = None
    created_by_user_id: UUID | None = None
    sent_at: datetime | None = None
    paid_at: datetime | None = None
    locked_at: datetime | None = None


def invoice_of(org_id: UUID, message: InvoiceSnapshot) -> Invoice:
    """From the message of a fact or an answer."""
    return Invoice(
        org_id=org_id,
        id=UUID(message.id),
        version=message.version,
        number=message.invoice_number or None,
        status=message.status,
        company=_named(message.company),
        deal=_named(message.deal) if message.HasField("deal") else None,
        gross=money_of(message.gross),
        paid=money_of(message.paid),
        balance=money_of(message.balance),
        issue_date=date.fromisoformat(message.issue_date),
        due_date=date.fromisoformat(message.due_date),
        created_by_user_id=UUID(message.created_by_user_id) if message.created_by_user_id else None,
        sent_at=_instant_of(message, "sent_at"),
        paid_at=_instant_of(message, "paid_at"),
        locked_at=_instant_of(message, "locked_at"),
        created_at=message.created_at.ToDatetime(tzinfo=UTC),
        updated_at=message.updated_at.ToDatetime(tzinfo=UTC),
    )


def money_of(message: MoneyMessage) -> Money:
    """An exact amount."""
    return Money(message.minor, message.currency)


def _named(message: Reference) -> Named:
    return Named(UUID(message.id), message.name)


def _instant_of(message: InvoiceSnapshot, name: SnapshotInstant) -> datetime | None:
    if not message.HasField(name):
        return None
    instant: datetime = getattr(message, name).ToDatetime(tzinfo=UTC)
    return instant
