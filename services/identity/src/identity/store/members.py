"""Members of an organisation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from identity.domain.members import Membership, MemberState
from identity.domain.roles import Role

DIRECTORY_SIZE = 100
PRESENT = (MemberState.ACTIVE, MemberState.INVITED)

_COLUMNS = Membership.__table__.c
_IS_ACTIVE = or_(*(_COLUMNS.status == state.value for state in PRESENT))
_SHOWN = select(
    *(_COLUMNS[name] for name in ("id", "version", "created_at", "updated_at")),
    *(_COLUMNS[name] for name in ("name", "email", "role", "status", "title", "joined_at")),
    _IS_ACTIVE.label("is_active"),
).where(_COLUMNS.org_id == bindparam("org_id"), _COLUMNS.status != MemberState.REMOVED.value)
_MEMBER = Lookup(_SHOWN.where(_COLUMNS.id == bindparam("user_id")))


def _contains(text: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.strpos(func.lower(text), func.lower(bindparam("q"))) > 0


_FILTERS = {
    "is_present": bindparam("is_present") == _IS_ACTIVE,
    "role": _COLUMNS.role == bindparam("role"),
    "status": _COLUMNS.status == bindparam("status"),
    "q": or_(_contains(_COLUMNS.name), _contains(_COLUMNS.email)),
}
_LIST = ListQuery(
    _SHOWN,
    key=_COLUMNS.id,
    sorts={
        "createdAt": _COLUMNS.created_at,
        "name": _COLUMNS.name,
        "email": _COLUMNS.email,
        "role": _COLUMNS.role,
        "status": _COLUMNS.status,
        "isActive": _IS_ACTIVE,
    },
    filters=_FILTERS,
)
_DIRECTORY = Lookup(_SHOWN.order_by(_IS_ACTIVE.desc(), _COLUMNS.name, _COLUMNS.id).limit(DIRECTORY_SIZE))


async def list_page(reader: Reader, org_id: UUID, query: PageQuery, **filters: Any) -> PageRows | CursorRows:
    """A page of members, without those removed."""
    return await _LIST.page(reader, query, org_id=org_id, **filters)


async def list_directory(reader: Reader, org_id: UUID) -> Sequence[Any]:
    """The first hundred people for pickers, those who are in first."""
    return await reader.rows(_DIRECTORY, org_id=org_id)


async def show(reader: Reader, org_id: UUID, user_id: UUID) -> Any:
    """One member; NotFound when there is none, or no more."""
    rows = await reader.rows(_MEMBER, org_id=org_id, user_id=user_id)
    if not rows:
        raise NotFound("There is no such person in this organisation.")
    return rows[0]


async def find(session: AsyncSession, org_id: UUID, user_id: UUID) -> Membership | None:
    """The membership in whatever state it is, locked; None when there never was one."""
    wanted = select(Membership).where(Membership.org_id == org_id, Membership.id == user_id)
    return await session.scalar(wanted.with_for_update())


async def get(session: AsyncSession, org_id: UUID, user_id: UUID) -> Membership:
    """The membership, locked; NotFound when there is none, or no more."""
    member = await find(session, org_id, user_id)
    if member is None or member.status == MemberState.REMOVED:
        raise NotFound("There is no such person in this organisation.")
    return member


async def count_active_owners(session: AsyncSession, org_id: UUID) -> int:
    """How many owners can act; the caller holds the organisation's lock."""
    counted = select(func.count()).where(
        Membership.org_id == org_id,
        Membership.role == Role.OWNER.value,
        Membership.status == MemberState.ACTIVE.value,
    )
    return int(await session.scalar(counted) or 0)


async def count_ended(session: AsyncSession, org_id: UUID, user_id: UUID | None, since: datetime) -> int:
    """How many people who had joined somebody has suspended or removed here since an instant."""
    counted = select(func.count()).where(
        Membership.org_id == org_id,
        Membership.ended_by_user_id == user_id,
        Membership.ended_at > since,
        Membership.joined_at.is_not(None),
    )
    return int(await session.scalar(counted) or 0)


async def list_of_person(session: AsyncSession, user_id: UUID) -> Sequence[Membership]:
    """Every membership of a person, whatever its state, locked."""
    # tenantless: a person's name and address are shown in all their organisations; by the system role
    wanted = select(Membership).where(Membership.id == user_id).order_by(Membership.org_id)
    return (await session.scalars(wanted.with_for_update())).all()


async def list_by_ids(session: AsyncSession, org_id: UUID, user_ids: Sequence[UUID]) -> Sequence[Membership]:
    """Those of the people who are or were members, in order of id."""
    wanted = select(Membership).where(Membership.org_id == org_id, Membership.id.in_(user_ids))
    return (await session.scalars(wanted.order_by(Membership.id))).all()


async def list_after(
    session: AsyncSession, org_id: UUID, after: UUID | None, limit: int, **filters: Sequence[str]
) -> Sequence[Membership]:
    """A page of members in order of id; `role` and `status` narrow it when they are not empty."""
    wanted = select(Membership).where(Membership.org_id == org_id).order_by(Membership.id).limit(limit)
    if after is not None:
        wanted = wanted.where(Membership.id > after)
    for name, values in filters.items():
        if values:
            wanted = wanted.where(getattr(Membership, name).in_(values))
    return (await session.scalars(wanted)).all()
