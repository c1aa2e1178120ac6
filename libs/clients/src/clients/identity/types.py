"""What identity tells others, as plain values."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from execos.identity.v1.identity_pb2 import CheckApiKeyResponse
from execos.identity.v1.snapshots_pb2 import LegalProfile, MemberSnapshot, OrganisationSnapshot, RoleSnapshot
from execos.identity.v1.snapshots_pb2 import Policies as PoliciesMessage


@dataclass(frozen=True, slots=True)
class Policies:
    """The guardrails of an organisation; the defaults are those of a new one (reference/execution-os 3.9)."""

    lock_invoice_on_sent: bool = True
    overdue_after_days: int = 0
    default_work_due_days: int = 3
    stale_deal_after_days: int = 7
    lead_stale_after_hours: int = 72
    require_deal_owner: bool = True
    require_work_owner: bool = True
    require_work_due_date: bool = True
    auto_lock_invoice_after_days: int = 2
    prevent_invoice_unlock_after_partial_payment: bool = True
    allow_zero_invoices: bool = False
    create_invoice_on_deal_won: bool = True
    auto_work_item_on_deal_won: bool = True
    autopilot_enabled: bool = False
    autopilot_nudge_on_overdue: bool = True
    autopilot_auto_stale_deals: bool = True
    audit_retention_days: int = 180
    security_event_retention_days: int = 180
    ip_restriction_enabled: bool = False
    ip_allowlist: tuple[str, ...] = ()
    password_min_length: int = 12
    require_second_factor: str = "off"
    session_idle_days: int = 7
    require_verified_email: bool = False

    @classmethod
    def of(cls, message: PoliciesMessage) -> "Policies":
        """From the message of a fact or an answer."""
        values = {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
        return cls(**values | {"ip_allowlist": tuple(message.ip_allowlist)})


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant as other services know it."""

    id: UUID
    version: int
    name: str
    slug: str
    status: str = "active"
    time_zone: str = "UTC"
    currency: str = "EUR"
    locale: str = "en"
    modules: frozenset[str] = frozenset({"sales", "work", "billing", "notifications", "reporting"})
    legal: dict[str, Any] | None = None
    policies: Policies = field(default_factory=Policies)
    features: frozenset[str] = frozenset({"api-keys", "audit-export", "custom-roles", "preferences"})


@dataclass(frozen=True, slots=True)
class Member:
    """A person in one organisation; `status` is invited, active, suspended or removed."""

    org_id: UUID
    id: UUID
    version: int
    name: str
    email: str
    role: str
    status: str = "active"
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A role that an organisation has defined, or a system role as it has changed it, with what it may do in effect."""

    org_id: UUID
    id: UUID
    version: int
    key: str
    permissions: frozenset[str]


class MailLinkKind(StrEnum):
    """What a link in a mail is for."""

    INVITATION = "INVITATION"
    PASSWORD_RESET = "PASSWORD_RESET"
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    EMAIL_CHANGE = "EMAIL_CHANGE"


@dataclass(frozen=True, slots=True)
class MailLink:
    """A one-time link and everything its mail says; `path` is a secret, to be put after the public base URL."""

    path: str = field(repr=False)
    email: str
    name: str
    locale: str
    expires_at: datetime
    organisation: str
    inviter: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key and what it may do at present."""

    org_id: UUID
    id: UUID
    name: str
    scopes: frozenset[str]
    expires_at: datetime


def organisation_of(message: OrganisationSnapshot) -> Organisation:
    """From the message of a fact or an answer."""
    return Organisation(
        id=UUID(message.id),
        version=message.version,
        name=message.name,
        slug=message.slug,
        status=message.status,
        time_zone=message.time_zone,
        currency=message.currency,
        locale=message.locale,
        modules=frozenset(message.modules),
        legal=legal_of(message.legal) if message.HasField("legal") else None,
        policies=Policies.of(message.policies),
        features=frozenset(message.features),
    )


def legal_of(message: LegalProfile) -> dict[str, Any]:
    """Seller data by Python name; absent fields are None, the address is a mapping."""
    names = [field.name for field in message.DESCRIPTOR.fields if field.name != "address"]
    values = {name: getattr(message, name) or None for name in names}
    address = {
        field.name: getattr(message.address, field.name) or None
        for field in message.address.DESCRIPTOR.fields
    }
    return values | {"address": address}


def member_of(org_id: UUID, message: MemberSnapshot) -> Member:
    """From the message of a fact or an answer."""
    return Member(
        org_id=org_id,
        id=UUID(message.user_id),
        version=message.version,
        name=message.name,
        email=message.email,
        role=message.role,
        status=message.status,
        title=message.title or None,
    )


def role_of(org_id: UUID, message: RoleSnapshot) -> Role:
    """From the message of a fact or an answer."""
    return Role(org_id, UUID(message.id), message.version, message.key, frozenset(message.permissions))


def api_key_of(message: CheckApiKeyResponse) -> ApiKey:
    """From the answer about a key."""
    key = message.api_key
    expires_at = key.expires_at.ToDatetime(UTC)
    return ApiKey(UUID(message.org_id), UUID(key.id), key.name, frozenset(key.scopes), expires_at)
