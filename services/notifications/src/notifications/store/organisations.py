"""The organisation as it is written to."""

from uuid import UUID

from sqlalchemy import bindparam, select

from chassis.queries import Lookup, Reader
from notifications.copies import KnownOrganisation

ORGANISATION = KnownOrganisation.__table__.c
LOCALE = Lookup(select(ORGANISATION.locale).where(ORGANISATION.org_id == bindparam("org_id")))


async def find_locale(reader: Reader, org_id: UUID) -> str | None:
    """The organisation's language; None while it is not known here."""
    rows = await reader.rows(LOCALE, org_id=org_id)
    return rows[0].locale if rows else None
