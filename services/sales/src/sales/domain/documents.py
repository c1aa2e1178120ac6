"""What each kind of row is found by, and what it is shown as (spec/sales.md, Search)."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sales.domain.channels import ChannelKind
from sales.domain.finding import EntityType
from sales.domain.words import (
    MAX_WORDS,
    Weight,
    folded,
    national_number,
    words_of,
    words_of_email,
    words_of_phone,
    words_of_site,
)

MAX_TITLE = 255

Words = dict[str, Weight]


def document(kind: EntityType, row: Any) -> dict[str, Any]:
    """The document of a row as the store shows it."""
    title = row.title if kind in {EntityType.LEAD, EntityType.DEAL} else row.name
    return {
        "entity_type": kind,
        "entity_id": row.id,
        "row_version": row.version,
        "title": title,
        "title_key": folded(title)[:MAX_TITLE],
        "subtitle": _subtitle(kind, row),
        "company_id": None if kind is EntityType.COMPANY else row.company_id,
    }


def words_in(kind: EntityType, row: Any) -> list[dict[str, Any]]:
    """The words of a row as the store shows it; one that stands in several places counts where it weighs most."""
    title = row.title if kind in {EntityType.LEAD, EntityType.DEAL} else row.name
    company = None if kind is EntityType.COMPANY else row.company
    found: list[tuple[str, Weight]] = [
        *((word, Weight.TITLE) for word in sorted(words_of(title))),
        *((word, Weight.OWN) for word in sorted(_own(kind, row))),
    ][:MAX_WORDS]
    found += [(word, Weight.COMPANY) for word in company_words(company["name"])] if company else []
    return [
        {"entity_type": kind, "entity_id": row.id, "word": word, "weight": weight} for word, weight in found
    ]


def company_words(name: str) -> list[str]:
    """The words that a company's contacts, leads and deals are found by too."""
    return sorted(words_of(name))[:MAX_WORDS]


def link_to(kind: str, entity_id: UUID) -> str:
    """Where the web console shows a row; a path, since the host is the reader's."""
    return _LINKS[EntityType(kind)].format(id=entity_id)


_LINKS = {
    EntityType.COMPANY: "/sales/companies/{id}",
    EntityType.CONTACT: "/sales/contacts/{id}",
    EntityType.LEAD: "/sales/leads/{id}",
    EntityType.DEAL: "/sales/deals/{id}",
}


def _subtitle(kind: EntityType, row: Any) -> str | None:
    if kind is EntityType.COMPANY:
        return row.industry or row.website or row.email or None
    return row.company["name"] if row.company else None


def _own(kind: EntityType, row: Any) -> set[str]:
    if kind is EntityType.COMPANY:
        own = words_of(row.legal_name) | words_of(row.vat_id) | words_of_site(row.website)
        return own | words_of_email(row.email) | _phones([row.phone])
    if kind is EntityType.CONTACT:
        emails = [each["value"] for each in row.channels if each["kind"] == ChannelKind.EMAIL]
        numbers = [each["value"] for each in row.channels if each["kind"] == ChannelKind.PHONE]
        return words_of(row.title) | _emails(emails) | _phones(numbers)
    return words_of(row.source) if kind is EntityType.LEAD else set()


def _emails(addresses: Iterable[str]) -> set[str]:
    return {word for address in addresses for word in words_of_email(address)}


def _phones(numbers: Iterable[str | None]) -> set[str]:
    return {word for number in numbers for word in words_of_phone(number, national_number(number))}
