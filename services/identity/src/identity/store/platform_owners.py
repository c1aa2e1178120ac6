"""People who own the platform; read by the system role, like all people."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from chassis.queries import Lookup, Reader
from identity.domain.accounts import Account

_ACCOUNT = Account.__table__.c
# tenantless: the platform's own people
_SHOWN = select(_ACCOUNT.id, _ACCOUNT.name, _ACCOUNT.password_hash, _ACCOUNT.is_active).where(
    _ACCOUNT.is_platform_owner
)
_BY_EMAIL = Lookup(_SHOWN.where(_ACCOUNT.email == bindparam("email")))
_BY_ID = Lookup(_SHOWN.where(_ACCOUNT.id == bindparam("user_id")))
# tenantless: the platform's own people
_ANY = Lookup(select(exists().where(_ACCOUNT.is_platform_owner).label("is_there")))


async def find_by_email(reader: Reader, email: str) -> Any | None:
    """The platform owner of that address, active or not."""
    return next(iter(await reader.rows(_BY_EMAIL, email=email)), None)


async def find(reader: Reader, user_id: UUID) -> Any | None:
    """The platform owner by id, active or not."""
    return next(iter(await reader.rows(_BY_ID, user_id=user_id)), None)


async def is_there_any(reader: Reader) -> bool:
    """Whether the platform has an owner, active or not."""
    return bool((await reader.rows(_ANY))[0].is_there)
