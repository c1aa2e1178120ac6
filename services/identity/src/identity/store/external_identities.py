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


async def find_person(session: AsyncSession, provider: str, subject: str) -> UUID | None:
    """Whom a provider's subject signs in, if anybody."""
    # tenantless: before anybody is signed in; by the system role
    wanted = select(ExternalIdentity.user_id).where(
        ExternalIdentity.provider == provider, ExternalIdentity.subject == subject
    )
    return await session.scalar(wanted)


async def find_at(session: AsyncSession, provider: str, user_id: UUID) -> ExternalIdentity | None:
    """As whom a provider knows a person already, who is locked."""
    # tenantless: before anybody is signed in; by the system role
    wanted = select(ExternalIdentity).where(
        ExternalIdentity.provider == provider, ExternalIdentity.user_id == user_id
    )
    return (await session.scalars(wanted)).one_or_none()


async def list_own(reader: Reader, user_id: UUID) -> Sequence[Any]:
    """The identities of a person, by provider."""
    return await reader.rows(_OWN, user_id=user_id)


async def get(session: AsyncSession, user_id: UUID, identity_id: UUID) -> ExternalIdentity:
    """One identity of a person, who is locked; NotFound when it is not theirs."""
    # tenantless: a person's own identities
    wanted = select(ExternalIdentity).where(
        ExternalIdentity.user_id == user_id, ExternalIdentity.id == identity_id
    )
    found = (await session.scalars(wanted)).one_or_none()
    if found is None:
        raise NotFound("There is no such identity.")
    return found
