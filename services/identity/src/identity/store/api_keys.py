"""API keys."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from identity.domain.api_keys import ApiKey
from identity.domain.members import Membership

_KEY, _CREATOR = ApiKey.__table__.c, Membership.__table__.c
_PERSON = func.jsonb_build_object("id", _CREATOR.id, "name", _CREATOR.name, "email", _CREATOR.email)
_SHOWN = (
    select(*(column for column in _KEY if column is not _KEY.digest), _PERSON.label("created_by"))
    .join(Membership, (_CREATOR.org_id == _KEY.org_id) & (_CREATOR.id == _KEY.created_by_user_id))
    .where(_KEY.org_id == bindparam("org_id"))
)
_ONE = Lookup(_SHOWN.where(_KEY.id == bindparam("key_id")))
_LIST = ListQuery(
    _SHOWN,
    key=_KEY.id,
    sorts={"createdAt": _KEY.created_at, "name": _KEY.name, "expiresAt": _KEY.expires_at},
    filters={"is_revoked": _KEY.revoked_at.is_not(None) == bindparam("is_revoked")},
)


async def list_page(reader: Reader, org_id: UUID, query: PageQuery, **filters: Any) -> PageRows | CursorRows:
    """A page of the organisation's keys, never with what they are recognised by."""
    return await _LIST.page(reader, query, org_id=org_id, **filters)


async def show(reader: Reader, org_id: UUID, key_id: UUID) -> Any:
    """One key; NotFound when there is none."""
    rows = await reader.rows(_ONE, org_id=org_id, key_id=key_id)
    if not rows:
        raise NotFound("There is no such key in this organisation.")
    return rows[0]


async def get(session: AsyncSession, org_id: UUID, key_id: UUID) -> ApiKey:
    """One key, locked; NotFound when there is none."""
    wanted = select(ApiKey).where(ApiKey.org_id == org_id, ApiKey.id == key_id)
    found = await session.scalar(wanted.with_for_update())
    if found is None:
        raise NotFound("There is no such key in this organisation.")
    return found


async def lock_of_creator(session: AsyncSession, org_id: UUID, user_id: UUID) -> Sequence[ApiKey]:
    """The keys that a person has made here and that are not revoked, locked."""
    wanted = select(ApiKey).where(
        ApiKey.org_id == org_id, ApiKey.created_by_user_id == user_id, ApiKey.revoked_at.is_(None)
    )
    return (await session.scalars(wanted.order_by(ApiKey.id).with_for_update())).all()


async def find_by_digest(session: AsyncSession, digest: bytes) -> ApiKey | None:
    """The key that was shown, whatever has become of it."""
    # tenantless: a key names nothing but itself; by the system role
    return await session.scalar(select(ApiKey).where(ApiKey.digest == digest))
