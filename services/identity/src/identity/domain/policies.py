"""Policies: the guardrails of an organisation, their defaults and ranges (reference/execution-os 3.9)."""

import ipaddress
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, String, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Invalid
from chassis.rows import Aggregate
from chassis.tenants import AddressNotAllowed, is_within
from identity.domain.rows import Row

MAX_ADDRESSES = 200
MIN_PASSWORD = 12
"""The least length a policy may ask for while no second factor is required (design/security.md 2)."""
_IPV4_WITHIN_IPV6 = ipaddress.IPv6Network("::ffff:0:0/96")

RANGES = {
    "overdue_after_days": (0, 90),
    "default_work_due_days": (0, 30),
    "stale_deal_after_days": (1, 60),
    "lead_stale_after_hours": (1, 720),
    "auto_lock_invoice_after_days": (0, 30),
    "audit_retention_days": (30, 3650),
    "security_event_retention_days": (30, 3650),
    "password_min_length": (8, 128),
    "session_idle_days": (1, 30),
}
"""Least and greatest value of each number."""

DEFAULTS: dict[str, Any] = {
    "lock_invoice_on_sent": True,
    "overdue_after_days": 0,
    "default_work_due_days": 3,
    "stale_deal_after_days": 7,
    "lead_stale_after_hours": 72,
    "require_deal_owner": True,
    "require_work_owner": True,
    "require_work_due_date": True,
    "auto_lock_invoice_after_days": 2,
    "prevent_invoice_unlock_after_partial_payment": True,
    "allow_zero_invoices": False,
    "create_invoice_on_deal_won": True,
    "auto_work_item_on_deal_won": True,
    "autopilot_enabled": False,
    "autopilot_nudge_on_overdue": True,
    "autopilot_auto_stale_deals": True,
    "audit_retention_days": 180,
    "security_event_retention_days": 180,
    "ip_restriction_enabled": False,
    "ip_allowlist": [],
    "password_min_length": 12,
    "require_second_factor": "off",
    "session_idle_days": 7,
    "require_verified_email": False,
}


class Policies(Row, Aggregate):
    """The policies of one organisation; `id` and `org_id` are the same."""

    __tablename__ = "policies"
    __table_args__ = (
        CheckConstraint("id = org_id", name="id"),
        CheckConstraint("require_second_factor IN ('off', 'admins', 'all')", name="second_factor"),
        ForeignKeyConstraint(["org_id"], ["organisation.org_id"]),
    )
    entity_type: ClassVar[str] = "POLICY"

    lock_invoice_on_sent: Mapped[bool]
    overdue_after_days: Mapped[int]
    default_work_due_days: Mapped[int]
    stale_deal_after_days: Mapped[int]
    lead_stale_after_hours: Mapped[int]
    require_deal_owner: Mapped[bool]
    require_work_owner: Mapped[bool]
    require_work_due_date: Mapped[bool]
    auto_lock_invoice_after_days: Mapped[int]
    prevent_invoice_unlock_after_partial_payment: Mapped[bool]
    allow_zero_invoices: Mapped[bool]
    create_invoice_on_deal_won: Mapped[bool]
    auto_work_item_on_deal_won: Mapped[bool]
    autopilot_enabled: Mapped[bool]
    autopilot_nudge_on_overdue: Mapped[bool]
    autopilot_auto_stale_deals: Mapped[bool]
    audit_retention_days: Mapped[int]
    security_event_retention_days: Mapped[int]
    ip_restriction_enabled: Mapped[bool]
    ip_allowlist: Mapped[list[str]] = mapped_column(JSONB)
    password_min_length: Mapped[int]
    require_second_factor: Mapped[str] = mapped_column(String(8))
    session_idle_days: Mapped[int]
    require_verified_email: Mapped[bool] = mapped_column(server_default=false())

    @classmethod
    def first(cls, org_id: UUID, now: datetime) -> "Policies":
        """The policies of a new organisation."""
        return cls(org_id=org_id, id=org_id, version=1, created_at=now, updated_at=now, **DEFAULTS)

    def replace(self, wanted: dict[str, Any], *, author_ip: str | None) -> None:
        """Take new values; Invalid when they contradict each other or would lock their author out."""
        for name, value in wanted.items():
            setattr(self, name, value)
        if self.require_second_factor == "off" and self.password_min_length < MIN_PASSWORD:
            raise Invalid.field("passwordMinLength", "may be below 12 only where a second factor is required")
        if self.ip_restriction_enabled and not is_within(author_ip, self.ip_allowlist):
            raise Invalid.field("ipAllowlist", "must contain the address this request comes from")

    def check_address(self, ip: str | None) -> None:
        """Raise AddressNotAllowed where the organisation lets nobody in from."""
        if self.ip_restriction_enabled and not is_within(ip, self.ip_allowlist):
            raise AddressNotAllowed("This organisation does not allow access from your address.")


def network(text: str) -> str:
    """An IPv4 or IPv6 address or CIDR network in its usual spelling; ValueError when it is none.

    IPv4 within IPv6 is IPv4, as clients' addresses are; an address of one link alone is none.
    """
    if "%" in text:
        raise ValueError("a zone means nothing elsewhere")
    parsed = ipaddress.ip_network(text, strict=False)
    if isinstance(parsed, ipaddress.IPv6Network) and parsed.subnet_of(_IPV4_WITHIN_IPV6):
        parsed = ipaddress.ip_network((int(parsed.network_address) & 0xFFFFFFFF, parsed.prefixlen - 96))
    return str(parsed.network_address) if parsed.num_addresses == 1 else str(parsed)
