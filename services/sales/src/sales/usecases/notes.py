"""What can be done with notes: writing them on any row that one may see, and changing one's own."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.errors import Denied, NotFound
from chassis.queries import Reader
from chassis.tx import Tx
from sales.domain.labels import Kind
from sales.domain.leads import Lead
from sales.domain.notes import Note, mentions_in
from sales.domain.permissions import Permission
from sales.domain.rows import newborn
from sales.published import deal_updated, lead_updated, note_added, note_deleted, note_updated
from sales.store import companies, contacts, deals, leads, members, notes

LOCKS: Mapping[Kind, Callable[[AsyncSession, UUID, UUID], Awaitable[Any]]] = {
    Kind.COMPANY: companies.lock,
    Kind.CONTACT: contacts.lock,
    Kind.LEAD: leads.lock,
    Kind.DEAL: deals.lock,
}
NAMED = frozenset({Kind.COMPANY, Kind.CONTACT})
"""The kinds that have a name; the others have a title."""


async def add_note(tx: Tx, kind: Kind, entity_id: UUID, body: str) -> Any:
    """A new note, on no company that has gone into another one; on a lead or a deal it is an activity."""
    row = await LOCKS[kind](tx.session, tx.actor.org_id, entity_id)
    tx.expect(row)
    if kind is Kind.COMPANY:
        row.check_not_merged()
    await _touch(tx, kind, row)
    return await write_note(tx, kind, row, body)


async def write_note(tx: Tx, kind: Kind, row: Any, body: str) -> Any:
    """The same on a row that this transaction has already."""
    org_id = tx.actor.org_id
    mentioned = await members.active_of(tx, org_id, mentions_in(body))
    note = Note(
        **newborn(org_id, tx.now),
        about_type=kind.entity_type,
        about_id=row.id,
        body=body,
        author=tx.actor.snapshot(),
        mentioned_user_ids=mentioned,
    )
    tx.add(note)
    shown = await notes.show(tx, org_id, note.id)
    tx.note(row, "NOTE_ADD", _told(note))
    tx.publish(note_added(shown, _title(kind, row)))
    return shown


async def carry_notes(tx: Tx, lead: Lead, deal_id: UUID) -> None:
    """What was noted on a lead that is locked is on its deal too, and its own text: only this one is told."""
    await notes.copy_to_deal(tx, lead.org_id, lead.id, deal_id)
    if lead.notes:
        await write_note(tx, Kind.DEAL, await deals.lock(tx.session, lead.org_id, deal_id), lead.notes)


async def read_note(reader: Reader, actor: Actor, note_id: UUID) -> Any:
    """One note; NotFound for whoever may not see the row it is on."""
    note = await notes.show(reader, actor.org_id, note_id)
    if not actor.may(_kind_of(note).read):
        raise NotFound("There is no such note.")
    return note


async def change_note(tx: Tx, note_id: UUID, body: str) -> Any:
    """Another text, by its author or whoever may change the notes of others; who is new in it is told."""
    row, note = await _expected(tx, note_id)
    before, already = _told(note), note.mentioned_user_ids
    mentioned = await members.active_of(tx, note.org_id, mentions_in(body))
    is_changed = note.revise(body, mentioned, tx.now)
    shown = await notes.show(tx, note.org_id, note_id)
    if is_changed:
        tx.note(row, "NOTE_UPDATE", _told(note), before)
        tx.publish(note_updated(shown, _title(_kind_of(shown), row), already_mentioned=already))
    return shown


async def delete_note(tx: Tx, note_id: UUID) -> None:
    """Gone; who may is as for changing it."""
    row, note = await _expected(tx, note_id)
    tx.note(row, "NOTE_DELETE", None, _told(note))
    tx.publish(note_deleted(note))
    await tx.session.delete(note)


async def _expected(tx: Tx, note_id: UUID) -> tuple[Any, Note]:
    """A note to be changed and the row it is on, locked in the order in which notes are added."""
    org_id, actor = tx.actor.org_id, tx.actor
    found = await read_note(tx, actor, note_id)
    row = await LOCKS[_kind_of(found)](tx.session, org_id, found.entity_id)
    note = await notes.lock(tx.session, org_id, note_id)
    if not (note.is_by(actor.id) or actor.may(Permission.NOTES_MANAGE)):
        raise Denied("Only its author may do this.", permission=Permission.NOTES_MANAGE)
    tx.expect(note)
    return row, note


async def _touch(tx: Tx, kind: Kind, row: Any) -> None:
    """A lead or a deal on which somebody writes is not stale: its last activity is part of it, and told."""
    if kind in NAMED:
        return
    row.version += 1
    row.updated_at = tx.now
    if kind is Kind.DEAL:
        row.last_activity_at = tx.now
        tx.publish(deal_updated(await deals.show(tx, row.org_id, row.id, now=tx.now)))
    else:
        tx.publish(lead_updated(await leads.show(tx, row.org_id, row.id, now=tx.now)))


def _kind_of(note: Any) -> Kind:
    return Kind(note.entity_type.lower())


def _title(kind: Kind, row: Any) -> str:
    title: str = row.name if kind in NAMED else row.title
    return title


def _told(note: Note) -> dict[str, str]:
    return {"noteId": str(note.id), "body": note.body}
