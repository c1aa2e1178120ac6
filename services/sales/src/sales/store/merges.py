"""Merges in SQL: the two companies, what refers to one of them, and the log."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import BadRequest, NotFound
from chassis.queries import Lookup, Reader
from sales.domain.companies import Company
from sales.domain.contacts import Contact
from sales.domain.deals import Deal
from sales.domain.finding import EntityType, MergeLog
from sales.domain.leads import Lead
from sales.domain.notes import Note
from sales.store import companies
from sales.store.contacts import CONTACT
from sales.store.deals import DEAL
from sales.store.leads import LEAD
from sales.store.search import ORG_ID

OWNED: dict[EntityType, type[Contact | Lead | Deal]] = {
    EntityType.CONTACT: Contact,
    EntityType.LEAD: Lead,
    EntityType.DEAL: Deal,
}
"""The rows that belong to a company and have a history of their own."""


def _count(columns: Any) -> Any:
    return (
        select(func.count())
        .where(columns.org_id == bindparam("org_id"), columns.company_id == bindparam("company_id"))
        .scalar_subquery()
    )


NOTE = Note.__table__.c
_NOTES = (
    select(func.count())
    .where(
        NOTE.org_id == bindparam("org_id"),
        NOTE.entity_type == Company.entity_type,
        NOTE.entity_id == bindparam("company_id"),
    )
    .scalar_subquery()
)
# tenantless: each of the counts names it
_COUNTS = Lookup(
    select(
        _count(CONTACT).label("contacts"),
        _count(LEAD).label("leads"),
        _count(DEAL).label("deals"),
        _NOTES.label("notes"),
    )
)


def _owned(columns: Any) -> Lookup:
    theirs = (columns.org_id == ORG_ID, columns.company_id == bindparam("company_id", type_=Uuid))
    return Lookup(select(columns.id).where(*theirs).order_by(columns.id))


def _move(kind: EntityType) -> Lookup:
    """Locked in the order of their ids, as whoever else changes many does, and once; `updated_at` stays."""
    table = OWNED[kind].__table__
    held = (
        select(table.c.id)
        .where(
            table.c.org_id == ORG_ID,
            table.c.company_id == bindparam("from_id", type_=Uuid),
            table.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        )
        .order_by(table.c.id)
        .with_for_update()
        .cte("held")
    )
    moved = (
        update(OWNED[kind])
        .where(table.c.org_id == ORG_ID, table.c.id == held.c.id)
        .values(company_id=bindparam("to_id", type_=Uuid), version=table.c.version + 1)
        .returning(table.c.id)
        .cte("moved")
    )
    # tenantless: of rows that name their tenant
    return Lookup(select(moved.c.id).order_by(moved.c.id))


_OWNED = {kind: _owned(row.__table__.c) for kind, row in OWNED.items()}
_MOVE = {kind: _move(kind) for kind in OWNED}


async def lock_both(
    session: AsyncSession, org_id: UUID, survivor_id: UUID, merged_id: UUID
) -> tuple[Company, Company]:
    """Both companies, to be changed; BadRequest names the one that does not exist here.

    Locked in the order of their ids, so that two merges of the same companies wait for each other.
    """
    wanted = (
        select(Company)
        .where(Company.org_id == org_id, Company.id.in_([survivor_id, merged_id]))
        .order_by(Company.id)
        .with_for_update()
    )
    return _both(await session.scalars(wanted), survivor_id, merged_id)


async def show_both(reader: Reader, org_id: UUID, survivor_id: UUID, merged_id: UUID) -> tuple[Any, Any]:
    """Both companies as they are shown, nothing is locked; BadRequest names the one that does not exist here."""
    return _both(await companies.show_each(reader, org_id, [survivor_id, merged_id]), survivor_id, merged_id)


async def list_owned(reader: Reader, kind: EntityType, org_id: UUID, company_id: UUID) -> list[UUID]:
    """The ids of the rows of a kind that belong to a company."""
    return [row.id for row in await reader.rows(_OWNED[kind], org_id=org_id, company_id=company_id)]


async def move_owned(
    reader: Reader, kind: EntityType, org_id: UUID, ids: Sequence[UUID], *, from_id: UUID, to_id: UUID
) -> list[UUID]:
    """Let these rows of a company be another one's, in a new version; which of them have moved."""
    moved = await reader.rows(_MOVE[kind], org_id=org_id, from_id=from_id, to_id=to_id, ids=list(ids))
    return [row.id for row in moved]


async def move_notes(
    session: AsyncSession, org_id: UUID, from_id: UUID, to_id: UUID, ids: Sequence[UUID] | None = None
) -> Sequence[UUID]:
    """Let a company's notes, or those of these ids, be another one's; which have moved. Nothing happens to them."""
    moved = update(Note).where(
        Note.org_id == org_id, Note.about_type == Company.entity_type, Note.about_id == from_id
    )
    if ids is not None:
        moved = moved.where(Note.id == func.any(bindparam("ids", list(ids), type_=ARRAY(Uuid))))
    result = await session.scalars(
        moved.values(about_id=to_id).returning(Note.id).execution_options(synchronize_session=False)
    )
    return sorted(result)


async def lock_log(session: AsyncSession, org_id: UUID, merge_id: UUID) -> MergeLog:
    """A merge, to be undone; NotFound when it does not exist here."""
    wanted = select(MergeLog).where(MergeLog.org_id == org_id, MergeLog.id == merge_id).with_for_update()
    log = await session.scalar(wanted)
    if log is None:
        raise NotFound("There is no such merge.")
    return log


async def count_owned(reader: Reader, org_id: UUID, company_id: UUID) -> Any:
    """How many contacts, leads, deals and notes a company has."""
    return (await reader.rows(_COUNTS, org_id=org_id, company_id=company_id))[0]


def _both(found: Iterable[Any], survivor_id: UUID, merged_id: UUID) -> tuple[Any, Any]:
    known = {company.id: company for company in found}
    for field, company_id in (("survivorId", survivor_id), ("mergedId", merged_id)):
        if company_id not in known:
            raise BadRequest("There is no such company.", field=field)
    return known[survivor_id], known[merged_id]
