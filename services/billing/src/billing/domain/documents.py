"""What stands on an invoice that was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from billing.domain.amounts import Json
from chassis.money import Money


@dataclass(frozen=True, slots=True)
class Document:
    """Everything the buyer sees, fixed at sending; only a voided invoice says so on top."""

    number: str
    reference: str | None
    sent_at: datetime
    issue_date: date
    due_date: date
    lines: Sequence[Json]
    taxes: Sequence[Json]
    net: Money
    gross: Money
    seller: Mapping[str, Any]
    buyer: Mapping[str, Any]
    locale: str
    is_void: bool

    @property
    def filename(self) -> str:
        """A name for the file: INV-2026-00042.pdf."""
        return f"{self.number}.pdf"

    def amount(self, text: str) -> Money:
        """An amount as lines and taxes keep it."""
        return Money.parse(Decimal(text), self.gross.currency)
