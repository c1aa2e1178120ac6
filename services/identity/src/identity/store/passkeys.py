"""Passkeys and the challenges they have answered. For the system role: a person belongs to no tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.deleting import delete_some
from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from identity.domain.passkeys import Passkey, SpentChallenge

_COLUMNS = Passkey.__table__.c
_SHOWN = ("id", "version", "created_at", "updated_at", "name", "last_used_at", "credential_id")
# tenantless: a person belongs to no organisation
_OWN = Lookup(
    select(*(_COLUMNS[name] for name in _SHOWN))
    .where(_COLUMNS.user_id == bindparam("user_id"))
    .order_by(_COLUMNS.created_at, _COLUMNS.id)
)


async def list_own(reader: Reader, user_id: UUID) -> Sequence[Any]:
    """Somebody's passkeys, oldest first."""
    return await reader.rows(_OWN, user_id=user_id)


async def get(session: AsyncSession, user_id: UUID, passkey_id: UUID) -> Passkey:
    """One's own passkey; NotFound when there is none. The caller has locked the person."""
    # tenantless: a person belongs to no organisation
    wanted = select(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id)
    found = await session.scalar(wanted)
    if found is None:
        raise NotFound("You have no such passkey.")
    return found


async def find_owner(session: AsyncSession, credential_id: bytes) -> UUID | None:
    """Whose passkey it is that its authenticator names so."""
    # tenantless: before anybody is signed in
    return await session.scalar(select(Passkey.user_id).where(Passkey.credential_id == credential_id))


async def find_by_credential(session: AsyncSession, user_id: UUID, credential_id: bytes) -> Passkey | None:
    """Somebody's passkey by that name; the caller has locked the person, so that its counter is compared once."""
    # tenantless: a person belongs to no organisation
    wanted = select(Passkey).where(Passkey.user_id == user_id, Passkey.credential_id == credential_id)
    return await session.scalar(wanted)


async def spend_challenge(session: AsyncSession, digest: bytes, expires_at: datetime) -> bool:
    """Note that a challenge was answered; False when it was before, also by somebody who is doing it right now."""
    made = insert(SpentChallenge).values(digest=digest, expires_at=expires_at).on_conflict_do_nothing()
    return bool(await session.scalar(made.returning(SpentChallenge.digest)))


async def forget_challenges(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete challenges that nobody can answer any more; how many."""
    # tenantless: clean-up by the system role
    return await delete_some(session, SpentChallenge, SpentChallenge.expires_at < before, limit)
