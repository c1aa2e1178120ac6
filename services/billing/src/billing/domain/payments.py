"""Money received for an invoice."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from billing.domain.rows import Row
from chassis.rows import Aggregate


class Method(StrEnum):
    """How the money came."""

    CASH = "cash"
    CARD = "card"
    BANK_TRANSFER = "bank_transfer"
    DIRECT_DEBIT = "direct_debit"
    CHEQUE = "cheque"
    OTHER = "other"


METHODS = ", ".join(f"'{method}'" for method in Method)


class Payment(Row, Aggregate):
    """A payment; it never changes."""

    __tablename__ = "payment"
    entity_type: ClassVar[str] = "PAYMENT"
    amounts: ClassVar[Mapping[str, str]] = {"amount_minor": "amount"}
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "invoice_id"], ["invoice.org_id", "invoice.id"]),
        CheckConstraint("amount_minor > 0", "amount"),
        CheckConstraint(f"method IN ({METHODS})", "method"),
        Index("ix_payment_invoice", "org_id", "invoice_id", "received_on"),
    )

    invoice_id: Mapped[UUID]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    method: Mapped[str] = mapped_column(String(16))
    received_on: Mapped[date]
    reference: Mapped[str | None] = mapped_column(String(255))

    @property
    def amount(self) -> tuple[int, str]:
        """Minor units and currency, as rows show money."""
        return self.amount_minor, self.currency
