"""The organisation as it is written to."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select

from chassis.queries import Lookup, Reader
from notifications.copies import KnownOrganisation

ORGANISATION = KnownOrganisation.__table__.c
ADDRESSED = Lookup(
    select(ORGANISATION.locale, ORGANISATION.modules.has_key("notifications").label("is_told")).where(
        ORGANISATION.org_id == bindparam("org_id")
    )
)


class Addressed(NamedTuple):
    """In which language an organisation is written to, and whether its people are told anything at all."""

    locale: str | None
    is_told: bool


async def find(reader: Reader, org_id: UUID) -> Addressed:
    """How the organisation is addressed; as any other while it is not known here."""
    rows = await reader.rows(ADDRESSED, org_id=org_id)
    return Addressed(rows[0].locale, rows[0].is_told) if rows else Addressed(None, is_told=True)
