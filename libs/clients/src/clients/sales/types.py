"""What sales tells others, as plain values."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.money import Money
from execos.platform.v1.values_pb2 import Address
from execos.sales.v1.snapshots_pb2 import CompanySnapshot, DealSnapshot


@dataclass(frozen=True, slots=True)
class Company:
    """A company we sell to; `address` has the lines of an API address, None for an empty one."""

    org_id: UUID
    id: UUID
    version: int
    name: str
    created_at: datetime
    updated_at: datetime
    legal_name: str | None = None
    address: dict[str, Any] | None = None
    vat_id: str | None = None
    email: str | None = None
    owner_user_id: UUID | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """A company as an invoice addresses it, and where its invoices go."""

    company: Company
    invoice_email: str | None


@dataclass(frozen=True, slots=True)
class Deal:
    """A sale in the making, or its outcome; `stage` is OPEN, WON or LOST."""

    org_id: UUID
    id: UUID
    version: int
    title: str
    stage: str
    company_id: UUID
    company_name: str
    last_activity_at: datetime
    created_at: datetime
    updated_at: datetime
    value: Money | None = None
    expected_close_date: date | None = None
    contact_id: UUID | None = None
    owner_user_id: UUID | None = None
    won_at: datetime | None = None
    lost_at: datetime | None = None
    lost_reason: str | None = None
    lead_id: UUID | None = None
    lead_created_at: datetime | None = None


def company_of(org_id: UUID, message: CompanySnapshot) -> Company:
    """From the message of a fact or an answer."""
    return Company(
        org_id=org_id,
        id=UUID(message.id),
        version=message.version,
        name=message.name,
        legal_name=message.legal_name or None,
        address=_address_of(message.address) if message.HasField("address") else None,
        vat_id=message.vat_id or None,
        email=message.email or None,
        owner_user_id=_id_of(message.owner_user_id),
        archived_at=_instant_of(message, "archived_at"),
        created_at=_utc(message.created_at),
        updated_at=_utc(message.updated_at),
    )


def deal_of(org_id: UUID, message: DealSnapshot) -> Deal:
    """From the message of a fact or an answer."""
    closes_on = message.expected_close_date
    return Deal(
        org_id=org_id,
        id=UUID(message.id),
        version=message.version,
        title=message.title,
        stage=message.stage,
        value=Money(message.value.minor, message.value.currency) if message.HasField("value") else None,
        expected_close_date=date.fromisoformat(closes_on) if closes_on else None,
        company_id=UUID(message.company.id),
        company_name=message.company.name,
        contact_id=_id_of(message.contact_id),
        owner_user_id=_id_of(message.owner_user_id),
        won_at=_instant_of(message, "won_at"),
        lost_at=_instant_of(message, "lost_at"),
        lost_reason=message.lost_reason or None,
        lead_id=_id_of(message.lead_id),
        lead_created_at=_instant_of(message, "lead_created_at"),
        last_activity_at=_utc(message.last_activity_at),
        created_at=_utc(message.created_at),
        updated_at=_utc(message.updated_at),
    )


def _address_of(message: Address) -> dict[str, Any]:
    return {field.name: getattr(message, field.name) or None for field in message.DESCRIPTOR.fields}


def _id_of(text: str) -> UUID | None:
    return UUID(text) if text else None


def _utc(instant: Timestamp) -> datetime:
    return instant.ToDatetime(tzinfo=UTC)


def _instant_of(message: CompanySnapshot | DealSnapshot, name: Any) -> datetime | None:
    return _utc(getattr(message, name)) if message.HasField(name) else None
