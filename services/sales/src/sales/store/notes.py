"""Notes in SQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Uuid, and_, bindparam, cast, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from sales.copies import KnownMember
from sales.domain.deals import Deal
from sales.domain.labels import Kind
from sales.domain.leads import Lead
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
_KEPT = (NOTE.org_id, NOTE.body, NOTE.author, NOTE.mentioned_user_ids, NOTE.created_at, NOTE.updated_at)
# The ids go up as the lead's do, so that notes of one instant stay in their order.
_COPY = Lookup(
    insert(Note)
    .from_select(
        [*_KEPT, NOTE.id, NOTE.version, NOTE.entity_type, NOTE.entity_id],
        select(*_KEPT, func.uuidv7(), literal(1), literal(Deal.entity_type), bindparam("deal_id", type_=Uuid))
        .where(
            NOTE.org_id == bindparam("org_id"),
            NOTE.entity_type == Lead.entity_type,
            NOTE.entity_id == bindparam("lead_id"),
        )
        .order_by(NOTE.created_at, NOTE.id),
    )
    .returning(NOTE.id)
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


async def copy_to_deal(reader: Reader, org_id: UUID, lead_id: UUID, deal_id: UUID) -> None:
    """Let a deal have each of a lead's notes too: as it was written, by whom and when."""
    await reader.rows(_COPY, org_id=org_id, lead_id=lead_id, deal_id=deal_id)
