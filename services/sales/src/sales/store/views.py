"""Saved views in SQL: one's own and those that are shared, of the rows that the reader may see."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from sales.domain.labels import Kind
from sales.domain.views import TAG, SavedView

VIEW = SavedView.__table__.c

_SHOWN = select(
    VIEW.id,
    VIEW.version,
    VIEW.owner_user_id,
    VIEW.entity,
    VIEW.name,
    VIEW.filters,
    VIEW.sort_by,
    VIEW.sort_dir,
    VIEW.columns,
    VIEW.shared,
    VIEW.created_at,
    VIEW.updated_at,
).where(
    VIEW.org_id == bindparam("org_id"),
    or_(VIEW.owner_user_id == bindparam("reader_id"), VIEW.shared),
    VIEW.entity == func.any(bindparam("kinds", type_=ARRAY(String))),
)
BY_ID = Lookup(_SHOWN.where(VIEW.id == bindparam("view_id")), row_type=SavedView, key="view_id")
LIST = ListQuery(
    _SHOWN,
    key=VIEW.id,
    sorts={"createdAt": VIEW.created_at, "name": func.lower(VIEW.name)},
    filters={"entity": VIEW.entity == bindparam("entity")},
)


async def list_views(
    reader: Reader,
    org_id: UUID,
    query: PageQuery,
    filters: dict[str, Any],
    *,
    reader_id: UUID | None,
    kinds: Sequence[Kind],
) -> PageRows | CursorRows:
    """One page of what the reader may see."""
    return await LIST.page(
        reader, query, org_id=org_id, reader_id=reader_id, kinds=[kind.value for kind in kinds], **filters
    )


async def show(
    reader: Reader, org_id: UUID, view_id: UUID, *, reader_id: UUID | None, kinds: Sequence[Kind]
) -> Any:
    """One view as it is answered; NotFound when it does not exist for this reader."""
    rows = await reader.rows(
        BY_ID, org_id=org_id, view_id=view_id, reader_id=reader_id, kinds=[kind.value for kind in kinds]
    )
    if not rows:
        raise NotFound("There is no such view.")
    return rows[0]


async def lock_tagged(session: AsyncSession, org_id: UUID) -> Sequence[SavedView]:
    """The views with a filter by tags, to be changed."""
    wanted = select(SavedView).where(SavedView.org_id == org_id, SavedView.filters.has_key(TAG))
    return (await session.scalars(wanted.order_by(SavedView.id).with_for_update())).all()


async def move_to_company(
    session: AsyncSession, org_id: UUID, from_id: UUID, to_id: UUID, ids: Sequence[UUID] | None = None
) -> Sequence[UUID]:
    """Let the views of a company's rows, or those of these ids, be of another one's; which were it."""
    named = SavedView.filters["companyId"]
    moved = update(SavedView).where(SavedView.org_id == org_id, func.lower(named.astext) == str(from_id))
    if ids is not None:
        moved = moved.where(SavedView.id == func.any(bindparam("ids", list(ids), type_=ARRAY(Uuid))))
    moved = moved.values(filters=SavedView.filters.concat({"companyId": str(to_id)}))
    result = await session.scalars(moved.returning(SavedView.id).execution_options(synchronize_session=False))
    return sorted(result)


async def lock(session: AsyncSession, org_id: UUID, view_id: UUID) -> SavedView:
    """A view to be changed; NotFound when it does not exist here."""
    wanted = select(SavedView).where(SavedView.org_id == org_id, SavedView.id == view_id)
    view = await session.scalar(wanted.with_for_update())
    if view is None:
        raise NotFound("There is no such view.")
    return view
