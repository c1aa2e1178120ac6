"""SQL of mails and what is needed to write them."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from notifications.copies import KnownOrganisation
from notifications.domain.mails import Mail

MAIL = Mail.__table__.c
ORGANISATION = KnownOrganisation.__table__.c
WRITTEN = Lookup(
    select(
        MAIL.id,
        MAIL.message_id,
        MAIL.template,
        MAIL.to_address,
        MAIL.about_id,
        MAIL.content,
        MAIL.created_at,
        ORGANISATION.name.label("organisation"),
        ORGANISATION.legal,
        ORGANISATION.locale,
    )
    .join_from(Mail.__table__, KnownOrganisation.__table__, ORGANISATION.org_id == MAIL.org_id)
    .where(MAIL.org_id == bindparam("org_id"), MAIL.id == bindparam("mail_id"))
)


async def show(reader: Reader, org_id: UUID, mail_id: UUID) -> Any:
    """A mail with its sender; NotFound while the organisation is not known here."""
    rows = await reader.rows(WRITTEN, org_id=org_id, mail_id=mail_id)
    if not rows:
        raise NotFound("There is no such mail, or its organisation is not known here.")
    return rows[0]


async def add(session: AsyncSession, row: dict[str, Any]) -> bool:
    """Insert a mail; False when the fact had caused it before."""
    statement = insert(Mail).values(row).on_conflict_do_nothing(constraint="uq_email_message_once")
    return bool((await session.scalars(statement.returning(Mail.id))).all())
