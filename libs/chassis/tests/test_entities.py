"""Mapped objects without the ORM's session: read by a compiled statement, their changes written on the driver."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import and_, bindparam, delete, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, make_transient_to_detached, mapped_column
from sqlalchemy.orm.exc import StaleDataError

from chassis.auth import system_actor
from chassis.context import Work, begin_work
from chassis.entities import Entities, update_of, written
from chassis.ids import new_id
from chassis.testing.stand import Stand
from chassis.tx import Tx
from sample.notes import Note, NoteState

MINE = and_(Note.org_id == bindparam("org_id"), Note.id == bindparam("note_id"))
ONE_NOTE = select(Note).where(MINE)
LOCKED = Entities(ONE_NOTE.with_for_update(), Note, func.length(Note.title))
ONE = select(literal(1).label("one")).subquery()
PERHAPS = Entities(select(ONE).outerjoin(Note, MINE), ONE.c.one, Note)


@pytest.fixture
async def note_id(notes: Stand) -> UUID:
    now = datetime.now(UTC)
    note = Note(
        org_id=notes.org_id,
        id=new_id(),
        version=1,
        created_at=now,
        updated_at=now,
        title="first",
        state=NoteState.OPEN,
    )
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        tx.add(note)
    return note.id


def begun(notes: Stand) -> Any:
    return notes.runtime.source.tx(system_actor(notes.org_id))


async def loaded(tx: Tx, notes: Stand, note_id: UUID) -> Note:
    note: Note
    note, length = await tx.load(LOCKED, org_id=notes.org_id, note_id=note_id)
    assert length == len(note.title)
    return note


async def title_of(notes: Stand, note_id: UUID) -> str:
    async with begun(notes) as tx:
        return (await loaded(tx, notes, note_id)).title


async def test_changes_are_written_and_recorded_like_those_of_the_session(
    notes: Stand, note_id: UUID
) -> None:
    work = Work("request")
    begin_work(work)
    async with begun(notes) as tx:
        note = await loaded(tx, notes, note_id)
        note.title = "second"
        assert tx.record(note, "UPDATE")
    assert work.statements == 3  # read, written, told
    assert await title_of(notes, note_id) == "second"
    async with begun(notes) as tx:
        assert (await loaded(tx, notes, note_id)).version == 2


async def test_what_is_given_the_value_it_has_is_not_written(notes: Stand, note_id: UUID) -> None:
    work = Work("request")
    begin_work(work)
    async with begun(notes) as tx:
        note = await loaded(tx, notes, note_id)
        note.title = "first"
        assert not tx.record(note, "UPDATE")
    assert work.statements == 1


@pytest.mark.parametrize("has_session", [True, False])
async def test_row_that_was_met_before_is_the_object_it_was_then(
    notes: Stand, note_id: UUID, *, has_session: bool
) -> None:
    async with begun(notes) as tx:
        if has_session:
            first = (await tx.session.scalars(ONE_NOTE, {"org_id": notes.org_id, "note_id": note_id})).one()
        else:
            first = await loaded(tx, notes, note_id)
        first.title = "changed"
        assert await loaded(tx, notes, note_id) is first
        assert (
            await tx.session.scalars(ONE_NOTE, {"org_id": notes.org_id, "note_id": note_id})
        ).one() is first
        first.title = "changed again"
    assert await title_of(notes, note_id) == "changed again"


async def test_outer_join_without_a_row_gives_no_object(notes: Stand, note_id: UUID) -> None:
    async with begun(notes) as tx:
        assert await tx.load(PERHAPS, org_id=notes.org_id, note_id=new_id()) == [1, None]
        one, note = await tx.load(PERHAPS, org_id=notes.org_id, note_id=note_id)
        assert (one, note.id) == (1, note_id)
        assert await tx.load(LOCKED, org_id=notes.org_id, note_id=new_id()) == ()


async def test_row_that_is_gone_is_no_silent_success(notes: Stand, note_id: UUID) -> None:
    async with Tx(notes.runtime.source, system_actor(notes.org_id)) as tx:
        _, note = await tx.load(PERHAPS, org_id=notes.org_id, note_id=note_id)
        async with begun(notes) as other:
            await other.session.execute(delete(Note).where(Note.org_id == notes.org_id, Note.id == note_id))
        note.title = "too late"
        with pytest.raises(StaleDataError):
            await tx.flush()


async def test_upsert_gives_its_row_back(notes: Stand, note_id: UUID) -> None:
    made = insert(Note).values(
        org_id=bindparam("org_id"),
        id=bindparam("note_id"),
        version=1,
        created_at=bindparam("now"),
        updated_at=bindparam("now"),
        title="another",
        state="OPEN",
    )
    upsert = Entities(
        made.on_conflict_do_update(index_elements=["org_id", "id"], set_={"state": made.excluded.state}), Note
    )
    now = datetime.now(UTC)
    async with begun(notes) as tx:
        (old,) = await tx.load(upsert, org_id=notes.org_id, note_id=note_id, now=now)
        (new,) = await tx.load(upsert, org_id=notes.org_id, note_id=new_id(), now=now)
        assert (old.title, new.title) == ("first", "another")


class _Base(DeclarativeBase):
    pass


class _Thing(_Base):
    __tablename__ = "thing"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str | None] = mapped_column("label_text")
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


def test_update_names_what_changed_and_the_key_that_was_read() -> None:
    before, after, row_id = new_id(), new_id(), new_id()
    thing = _Thing(org_id=before, id=row_id, label=None, document=None)
    make_transient_to_detached(thing)
    assert update_of(thing) is None
    thing.org_id, thing.label, thing.document = after, "new", {"a": 1}
    update = update_of(thing)
    assert update is not None
    assert update.sql == (
        'UPDATE "thing" SET "org_id" = %(new_org_id)s, "label_text" = %(new_label)s, "document" = %(new_document)s'
        ' WHERE "org_id" = %(key_0)s AND "id" = %(key_1)s'
    )
    values = dict(update.values)
    document = values.pop("new_document")
    assert isinstance(document, Jsonb)
    assert document.obj == {"a": 1}
    assert values == {"new_org_id": after, "new_label": "new", "key_0": before, "key_1": row_id}
    written(thing)
    assert update_of(thing) is None
