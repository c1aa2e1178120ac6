"""What people prefer."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.queries import Lookup, Reader
from identity.domain.preferences import Preferences

_COLUMNS = Preferences.__table__.c
_OWN = Lookup(
    select(_COLUMNS.choices, _COLUMNS.version).where(
        _COLUMNS.org_id == bindparam("org_id"), _COLUMNS.id == bindparam("user_id")
    )
)


async def show(reader: Reader, org_id: UUID, user_id: UUID) -> Any | None:
    """The choices of a member with their version; None before there are any."""
    rows = await reader.rows(_OWN, org_id=org_id, user_id=user_id)
    return rows[0] if rows else None


async def find(session: AsyncSession, org_id: UUID, user_id: UUID) -> Preferences | None:
    """The choices of a member, locked."""
    wanted = select(Preferences).where(Preferences.org_id == org_id, Preferences.id == user_id)
    return await session.scalar(wanted.with_for_update())
