"""Attempts: a part of a transaction that fails by itself, and the rest that does not notice."""

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from chassis.auth import system_actor
from chassis.errors import Conflict, StaleVersion
from chassis.ids import new_id
from chassis.rows import activity, outbox
from chassis.testing.stand import Stand
from chassis.tx import Tx
from sample.notes import Note, NoteState, get


def write(tx: Tx, title: str) -> Note:
    """A new note."""
    note = Note(
        org_id=tx.actor.org_id,
        id=new_id(),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        title=title,
        state=NoteState.OPEN,
    )
    tx.add(note)
    tx.record(note, "CREATE")
    return note


async def kept(notes: Stand) -> tuple[list[str], int, int]:
    """The titles of all notes, and how many entries of their history and facts there are."""
    async with notes.runtime.system.session(None, read_only=True) as session:
        titles = await session.scalars(
            select(Note.title).where(Note.org_id == notes.org_id).order_by(Note.title)
        )
        entries = await session.scalars(select(activity.c.id).where(activity.c.org_id == notes.org_id))
        facts = await session.scalars(select(outbox.c.id).where(outbox.c.org_id == notes.org_id))
        return list(titles), len(list(entries)), len(list(facts))


async def give_up(tx: Tx) -> None:
    """Write a note, and think better of it."""
    async with tx.attempt():
        write(tx, "undone")
        await tx.flush()
        raise Conflict("changed my mind")


async def rename(tx: Tx, note: Note, title: str) -> None:
    """Give a note another title."""
    async with tx.attempt():
        found = await get(tx.session, tx.actor.org_id, note.id, lock=True)
        found.title = title
        tx.record(found, "UPDATE")


async def test_what_fails_is_undone_and_the_rest_is_committed(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        write(tx, "before")
        with pytest.raises(Conflict):
            await give_up(tx)
        async with tx.attempt():
            write(tx, "after")
    assert await kept(notes) == (["after", "before"], 2, 2)


async def test_a_new_row_that_the_database_refuses_is_undone(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        write(tx, "one")
        with pytest.raises(psycopg.errors.UniqueViolation):
            async with tx.attempt():
                write(tx, "one")
        write(tx, "two")
    assert await kept(notes) == (["one", "two"], 2, 2)


async def test_a_change_that_the_database_refuses_is_undone_and_the_row_is_read_again(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        write(tx, "one")
        two = write(tx, "two")
        with pytest.raises(IntegrityError):
            await rename(tx, two, "one")
        again = await get(tx.session, notes.org_id, two.id, lock=True)
        assert (again is two, again.title, again.version) == (False, "two", 1)
    assert await kept(notes) == (["one", "two"], 2, 2)


async def test_each_attempt_has_its_own_condition(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        note = write(tx, "one")
        with pytest.raises(StaleVersion):
            async with tx.attempt(if_match=frozenset({7})):
                tx.expect(await get(tx.session, notes.org_id, note.id))
        tx.expect(await get(tx.session, notes.org_id, note.id))
