"""Read models: for every aggregate that reports show, the newest state that a fact told.

A row is a function of the facts alone: the state of the one with the highest version, of several with the same version
the one published last. So facts may arrive twice and in any order, and a rebuild arrives at the same rows.
"""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from reporting.domain.rows import Row


class Model:
    """Mixin: which aggregate, its version, and the fact that told its state."""

    __table__: ClassVar[Any]

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    event_id: Mapped[UUID]


class KnownOrganisation(Row, Model):
    """An organisation: its zone, its currency and the policies that reports go by."""

    __tablename__ = "known_organisation"

    name: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(32))
    time_zone: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    overdue_after_days: Mapped[int] = mapped_column(Integer)
    stale_deal_after_days: Mapped[int] = mapped_column(Integer)
    audit_retention_days: Mapped[int] = mapped_column(Integer, server_default="3650")
    """With the longest one allowed where only a release that did not know the policy has told the organisation."""
    rules: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What it demands at the doors; None where only a release that did not know has told the organisation."""


class KnownMember(Row, Model):
    """A person of an organisation; `id` is the person's."""

    __tablename__ = "known_member"

    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))


class KnownCompany(Row, Model):
    """A company by its present name."""

    __tablename__ = "known_company"

    name: Mapped[str] = mapped_column(String(255))
    archived_at: Mapped[datetime | None] = mapped_column(Instant)


class KnownDeal(Row, Model):
    """A deal; `value_minor` and `currency` are both null without a value."""

    __tablename__ = "known_deal"
    __table_args__ = (Index("ix_known_deal_stage", "org_id", "stage"),)

    title: Mapped[str] = mapped_column(String(255))
    stage: Mapped[str] = mapped_column(String(16))
    value_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    expected_close_date: Mapped[date | None]
    company_id: Mapped[UUID]
    company_name: Mapped[str] = mapped_column(String(255))
    owner_user_id: Mapped[UUID | None]
    won_at: Mapped[datetime | None] = mapped_column(Instant)
    lost_at: Mapped[datetime | None] = mapped_column(Instant)
    last_activity_at: Mapped[datetime] = mapped_column(Instant)
    archived_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class KnownWorkItem(Row, Model):
    """A work item."""

    __tablename__ = "known_work_item"
    __table_args__ = (Index("ix_known_work_item_due", "org_id", "status", "due_date"),)

    title: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    priority: Mapped[int] = mapped_column(SmallInteger)
    due_date: Mapped[date | None]
    assigned_to_user_id: Mapped[UUID | None]
    company_id: Mapped[UUID | None]
    company_name: Mapped[str | None] = mapped_column(String(255))
    deal_id: Mapped[UUID | None]
    deal_title: Mapped[str | None] = mapped_column(String(255))
    completed_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class KnownInvoice(Row, Model):
    """An invoice without its lines; `status` is the stored one, OVERDUE depends on the reader's today."""

    __tablename__ = "known_invoice"
    __table_args__ = (Index("ix_known_invoice_due", "org_id", "status", "due_date"),)

    number: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[UUID]
    company_name: Mapped[str] = mapped_column(String(255))
    deal_id: Mapped[UUID | None]
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    balance_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    issue_date: Mapped[date]
    due_date: Mapped[date]
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    locked_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


MODELS: tuple[type[Model], ...] = (
    KnownOrganisation,
    KnownMember,
    KnownCompany,
    KnownDeal,
    KnownWorkItem,
    KnownInvoice,
)
