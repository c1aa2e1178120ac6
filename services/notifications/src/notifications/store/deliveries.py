"""SQL of deliveries."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from notifications.domain.deliveries import Delivery
from notifications.domain.mails import Mail


async def lock(session: AsyncSession, org_id: UUID, mail_id: UUID) -> tuple[Mail, Delivery]:
    """A mail and its delivery, both locked; NotFound when there is none."""
    wanted = (
        select(Mail, Delivery)
        .join(Delivery, (Delivery.org_id == Mail.org_id) & (Delivery.mail_id == Mail.id))
        .where(Mail.org_id == org_id, Mail.id == mail_id)
    )
    found = (await session.execute(wanted.with_for_update())).one_or_none()
    if found is None:
        raise NotFound("There is no such mail.")
    return found.Mail, found.Delivery
