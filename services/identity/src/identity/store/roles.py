"""Roles of an organisation and what it changes of system roles."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from identity.domain.members import Membership, MemberState
from identity.domain.own_roles import OwnRole, Rights, RoleOverride

_ROLE, _OVERRIDE = OwnRole.__table__.c, RoleOverride.__table__.c
_ROLES = select(*_ROLE).where(_ROLE.org_id == bindparam("org_id"))
_LIST = Lookup(_ROLES.order_by(_ROLE.key))
_ONE = Lookup(_ROLES.where(_ROLE.id == bindparam("role_id")), row_type=OwnRole, key="role_id")
_OVERRIDES = Lookup(select(*_OVERRIDE).where(_OVERRIDE.org_id == bindparam("org_id")))


async def list_own(reader: Reader, org_id: UUID) -> Sequence[Any]:
    """The roles that the organisation has defined, by key."""
    return await reader.rows(_LIST, org_id=org_id)


async def list_overrides(reader: Reader, org_id: UUID) -> Sequence[Any]:
    """What the organisation changes of system roles."""
    return await reader.rows(_OVERRIDES, org_id=org_id)


async def list_rights(reader: Reader, org_id: UUID) -> list[Rights]:
    """What each role may do that the organisation has defined or changed, by key."""
    defined = [Rights(row.key, own=row) for row in await list_own(reader, org_id)]
    changed = [Rights(row.key, override=row) for row in await list_overrides(reader, org_id)]
    return sorted(defined + changed, key=lambda rights: rights.key)


async def show(reader: Reader, org_id: UUID, role_id: UUID) -> Any:
    """A role of the organisation; NotFound when there is none."""
    rows = await reader.rows(_ONE, org_id=org_id, role_id=role_id)
    if not rows:
        raise NotFound("There is no such role in this organisation.")
    return rows[0]


async def show_rights(reader: Reader, org_id: UUID, key: str) -> Rights:
    """What a role may do here, for answers."""
    own = next((row for row in await list_own(reader, org_id) if row.key == key), None)
    override = next((row for row in await list_overrides(reader, org_id) if row.key == key), None)
    return Rights(key, own, override)


async def get(session: AsyncSession, org_id: UUID, role_id: UUID) -> OwnRole:
    """A role of the organisation, locked; NotFound when there is none."""
    wanted = select(OwnRole).where(OwnRole.org_id == org_id, OwnRole.id == role_id)
    found = await session.scalar(wanted.with_for_update())
    if found is None:
        raise NotFound("There is no such role in this organisation.")
    return found


async def rights(session: AsyncSession, org_id: UUID, key: str) -> Rights:
    """What a role may do here; whoever gives it holds the organisation's lock."""
    own = await session.scalar(select(OwnRole).where(OwnRole.org_id == org_id, OwnRole.key == key))
    override = await session.scalar(
        select(RoleOverride).where(RoleOverride.org_id == org_id, RoleOverride.key == key)
    )
    return Rights(key, own, override)


async def count_own(session: AsyncSession, org_id: UUID) -> int:
    """How many roles the organisation has defined."""
    return int(await session.scalar(select(func.count()).where(OwnRole.org_id == org_id)) or 0)


async def is_in_use(session: AsyncSession, org_id: UUID, key: str) -> bool:
    """Whether somebody has the role, or would have it."""
    holder = exists().where(
        Membership.org_id == org_id, Membership.role == key, Membership.status != MemberState.REMOVED.value
    )
    return bool(await session.scalar(select(holder)))


async def lock_holders(session: AsyncSession, org_id: UUID, key: str) -> Sequence[Membership]:
    """Everybody who has the role, locked, in order of id."""
    wanted = select(Membership).where(
        Membership.org_id == org_id, Membership.role == key, Membership.status != MemberState.REMOVED.value
    )
    return (await session.scalars(wanted.order_by(Membership.id).with_for_update())).all()
