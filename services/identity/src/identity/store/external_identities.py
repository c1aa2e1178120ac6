"""As whom providers know people. All of it is read by the system role: a person belongs to no tenant."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from identity.domain.external_identities import ExternalIdentity

_COLUMNS = ExternalIdentity.__table__.c
# tenantless: somebody sees their own identities
_OWN = Lookup(
    select(
        *(
            _COLUMNS[name]
            for name in ("id", "version", "created_at", "updated_at", "provider", "email", "last_used_at")
        )
    )
    .where(_COLUMNS.user_id == bindparam("user_id"))
    .order_by(_COLUMNS.provider)
)


async def find(session: AsyncSession, provider: str, subject: str) -> ExternalIdentity | None:
    """The link of a provider's subject, if there is one."""
    # tenantless: before anybody is signed in; by the system role
    wanted = select(ExternalIdentity).where(
        ExternalIdentity.provider == provider, ExternalIdentity.subject == subject
    )
    return (await session.scalars(wanted)).one_or_none()


async def find_at(session: AsyncSession, provider: str, user_id: UUID) -> ExternalIdentity | None:
    """As whom a provider knows a person already."""
    # tenantless: before anybody is signed in; by the system role
    wanted = select(ExternalIdentity).where(
        ExternalIdentity.provider == provider, ExternalIdentity.user_id == user_id
    )
    return (await session.scalars(wanted)).one_or_none()


async def list_own(reader: Reader, user_id: UUID) -> Sequence[Any]:
    """The identities of a person, by provider."""
    return await reader.rows(_OWN, user_id=user_id)


async def lock(session: AsyncSession, user_id: UUID, identity_id: UUID) -> ExternalIdentity:
    """One identity of a person, locked; NotFound when it is not theirs."""
    # tenantless: a person's own identities
    wanted = select(ExternalIdentity).where(
        ExternalIdentity.user_id == user_id, ExternalIdentity.id == identity_id
    )
    found = (await session.scalars(wanted.with_for_update())).one_or_none()
    if found is None:
        raise NotFound("There is no such identity.")
    return found
