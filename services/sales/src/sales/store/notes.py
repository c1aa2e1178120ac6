"""Notes in SQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Uuid, and_, bindparam, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from sales.copies import KnownMember
from sales.domain.labels import Kind
from sales.domain.notes import Note
from sales.store.embedded import MEMBER, PERSON

NOTE = Note.__table__.c

_AUTHOR = func.coalesce(PERSON, cast(NOTE.author, JSON)).label("author")
_SHOWN = (
    select(
        NOTE.id,
        NOTE.version,
        NOTE.entity_type,
        NOTE.entity_id,
        NOTE.body,
        _AUTHOR,
        NOTE.mentioned_user_ids,
        NOTE.created_at,
        NOTE.updated_at,
    )
    .select_from(
        Note.__table__.outerjoin(
            KnownMember.__table__,
            and_(MEMBER.org_id == NOTE.org_id, MEMBER.id == cast(NOTE.author["id"].astext, Uuid)),
        )
    )
    .where(NOTE.org_id == bindparam("org_id"))
)
BY_ID = Lookup(_SHOWN.where(NOTE.id == bindparam("note_id")), row_type=Note, key="note_id")
LIST = ListQuery(
    _SHOWN.where(
        NOTE.entity_type == bindparam("entity_type"),
        NOTE.entity_id == bindparam("entity_id"),
    ),
    key=NOTE.id,
    sorts={"createdAt": NOTE.created_at},
)


async def list_notes(
    reader: Reader, org_id: UUID, kind: Kind, entity_id: UUID, query: PageQuery
) -> PageRows | CursorRows:
    """A page of a row's notes; the door has made sure that the row is there."""
    return await LIST.page(reader, query, org_id=org_id, entity_type=kind.entity_type, entity_id=entity_id)


async def show(reader: Reader, org_id: UUID, note_id: UUID) -> Any:
    """One note as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, note_id=note_id)
    if not rows:
        raise NotFound("There is no such note.")
    return rows[0]


async def lock(session: AsyncSession, org_id: UUID, note_id: UUID) -> Note:
    """A note to be changed; NotFound when it does not exist here."""
    wanted = select(Note).where(Note.org_id == org_id, Note.id == note_id).with_for_update()
    note = await session.scalar(wanted)
    if note is None:
        raise NotFound("There is no such note.")
    return note
