"""Sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.deleting import delete_some
from chassis.queries import Lookup, Reader
from identity.domain.policies import Policies
from identity.domain.sessions import Session

_SESSION, _POLICIES = Session.__table__.c, Policies.__table__.c
_EXPIRES_AT = func.least(
    _SESSION.expires_at, _SESSION.last_used_at + func.make_interval(0, 0, 0, _POLICIES.session_idle_days)
)
# tenantless: somebody sees all their own sessions; by the system role
_RUNNING = Lookup(
    select(
        *(_SESSION[name] for name in ("id", "version", "ip", "created_at", "last_used_at")),
        _SESSION.user_agent.label("device"),
        _EXPIRES_AT.label("expires_at"),
    )
    .join(Policies, _POLICIES.org_id == _SESSION.org_id)
    .where(
        _SESSION.user_id == bindparam("user_id"),
        _SESSION.ended_at.is_(None),
        bindparam("now") < _EXPIRES_AT,
    )
    .order_by(_SESSION.last_used_at.desc(), _SESSION.id.desc())
)


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


async def lock_all_running(session: AsyncSession, user_id: UUID) -> Sequence[Session]:
    """The sessions of a person that have not ended, whatever organisation they work in, locked."""
    # tenantless: somebody ends their own sessions everywhere; by the system role
    wanted = select(Session).where(Session.user_id == user_id, Session.ended_at.is_(None))
    return (await session.scalars(wanted.order_by(Session.id).with_for_update())).all()


async def list_running(reader: Reader, user_id: UUID, now: datetime) -> Sequence[Any]:
    """The sessions of a person that can still be refreshed, the one used last first."""
    return await reader.rows(_RUNNING, user_id=user_id, now=now)


async def forget(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete sessions that nobody could use since an instant; how many."""
    is_old = or_(Session.ended_at < before, Session.expires_at < before)
    # tenantless: clean-up by the system role
    return await delete_some(session, Session, is_old, limit)
