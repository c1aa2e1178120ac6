"""Sessions."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from identity.domain.sessions import Session


async def lock(session: AsyncSession, session_id: UUID) -> Session | None:
    """The session, locked, whatever organisation it works in at present."""
    # tenantless: a refresh token names only its session; by the system role
    return await session.scalar(select(Session).where(Session.id == session_id).with_for_update())


async def lock_running(session: AsyncSession, org_id: UUID, user_id: UUID) -> Sequence[Session]:
    """The sessions of a person that work in this organisation and have not ended, locked."""
    wanted = select(Session).where(
        Session.org_id == org_id, Session.user_id == user_id, Session.ended_at.is_(None)
    )
    return (await session.scalars(wanted.order_by(Session.id).with_for_update())).all()


async def forget(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete sessions that nobody could use since an instant; how many."""
    is_old = or_(Session.ended_at < before, Session.expires_at < before)
    # tenantless: clean-up by the system role
    old = select(Session.org_id, Session.id).where(is_old).limit(limit)
    # tenantless: clean-up by the system role
    result = await session.execute(delete(Session).where(tuple_(Session.org_id, Session.id).in_(old)))
    return int(result.rowcount)  # type: ignore[attr-defined]
