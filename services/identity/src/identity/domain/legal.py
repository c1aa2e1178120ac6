"""The legal profile: the organisation as seller on its invoices."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate
from identity.domain.rows import Row

PAYMENT_TERMS_DAYS = 14


class LegalProfile(Row, Aggregate):
    """Seller data of one organisation; `id` and `org_id` are the same."""

    __tablename__ = "legal_profile"
    __table_args__ = (
        CheckConstraint("id = org_id", name="id"),
        ForeignKeyConstraint(["org_id"], ["organisation.org_id"]),
    )
    entity_type: ClassVar[str] = "ORGANISATION"

    legal_name: Mapped[str] = mapped_column(String(255))
    address: Mapped[dict[str, Any]] = mapped_column(JSONB)
    vat_id: Mapped[str | None] = mapped_column(String(32))
    tax_id: Mapped[str | None] = mapped_column(String(32))
    registration_number: Mapped[str | None] = mapped_column(String(64))
    iban: Mapped[str | None] = mapped_column(String(34))
    bic: Mapped[str | None] = mapped_column(String(11))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    payment_terms_days: Mapped[int]
    invoice_note: Mapped[str | None] = mapped_column(String(2000))

    @classmethod
    def of(cls, org_id: UUID, now: datetime) -> "LegalProfile":
        """A profile whose fields are still to be set."""
        return cls(org_id=org_id, id=org_id, version=1, created_at=now, updated_at=now)
