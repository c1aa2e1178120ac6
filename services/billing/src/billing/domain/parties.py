"""Seller and buyer as they were when an invoice was sent (EN 16931 BG-4 and BG-7)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from pydantic.alias_generators import to_camel

DEFAULT_TERMS_DAYS = 14


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys; what a side does not have is None."""

    id: UUID
    name: str
    legal_name: str | None = None
    address: Mapping[str, Any] | None = None
    vat_id: str | None = None
    tax_id: str | None = None
    registration_number: str | None = None
    iban: str | None = None
    bic: str | None = None
    email: str | None = None
    phone: str | None = None
    invoice_note: str | None = None

    @classmethod
    def seller(cls, org_id: UUID, name: str, legal: Mapping[str, Any] | None) -> Self:
        """The organisation with its legal profile, as far as it has one."""
        known = {key: value for key, value in (legal or {}).items() if key in cls.__slots__}
        return cls(id=org_id, name=name, **known)

    def kept(self) -> dict[str, Any]:
        """As an invoice keeps it: the API's names, plain JSON."""
        address = {to_camel(key): value for key, value in (self.address or {}).items()}
        plain = asdict(self) | {"id": str(self.id), "address": address or None}
        return {to_camel(key): value for key, value in plain.items()}


@dataclass(frozen=True, slots=True)
class Parties:
    """Both sides of an invoice."""

    seller: Party
    buyer: Party


def terms_days(legal: Mapping[str, Any] | None) -> int:
    """Days from issue to due that the seller grants."""
    return (legal or {}).get("payment_terms_days") or DEFAULT_TERMS_DAYS
