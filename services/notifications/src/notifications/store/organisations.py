"""The organisation as it is written to."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select

from chassis.queries import Lookup, Reader
from notifications.copies import KnownOrganisation

ORGANISATION = KnownOrganisation.__table__.c
ADDRESSED = Lookup(
    select(
        ORGANISATION.name,
        ORGANISATION.locale,
        ORGANISATION.time_zone,
        ORGANISATION.legal,
        ORGANISATION.modules.has_key("notifications").label("is_told"),
    ).where(ORGANISATION.org_id == bindparam("org_id"))
)


class Addressed(NamedTuple):
    """How an organisation is written to and writes, and whether its people are told anything in their inbox."""

    name: str
    locale: str
    time_zone: str
    legal: dict[str, Any] | None
    is_told: bool


UNKNOWN = Addressed("", "", "UTC", None, is_told=True)


async def find(reader: Reader, org_id: UUID) -> Addressed:
    """How the organisation is addressed; as any other while it is not known here."""
    rows = await reader.rows(ADDRESSED, org_id=org_id)
    return Addressed(*rows[0]) if rows else UNKNOWN
