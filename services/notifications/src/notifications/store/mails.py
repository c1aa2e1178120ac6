"""SQL of mails."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from notifications.domain.mails import Mail

MAIL = Mail.__table__.c
WRITTEN = Lookup(
    select(
        MAIL.id,
        MAIL.message_id,
        MAIL.template,
        MAIL.to_address,
        MAIL.recipient_id,
        MAIL.about_id,
        MAIL.content,
        MAIL.created_at,
    ).where(MAIL.org_id == bindparam("org_id"), MAIL.id == bindparam("mail_id"))
)


async def show(reader: Reader, org_id: UUID, mail_id: UUID) -> Any:
    """A mail as it is to be written; NotFound when there is none."""
    rows = await reader.rows(WRITTEN, org_id=org_id, mail_id=mail_id)
    if not rows:
        raise NotFound("There is no such mail.")
    return rows[0]


async def add(session: AsyncSession, row: dict[str, Any]) -> bool:
    """Insert a mail; False when the fact had caused it before."""
    statement = insert(Mail).values(row).on_conflict_do_nothing(constraint="uq_email_message_once")
    return bool((await session.scalars(statement.returning(Mail.id))).all())
