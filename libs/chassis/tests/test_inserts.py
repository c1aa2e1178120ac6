"""New rows: inserted on the driver, read in the same round trip, and from then on like rows that were read."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger, String, bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.auth import system_actor
from chassis.context import Work, begin_work
from chassis.ids import new_id
from chassis.inserts import Insert
from chassis.queries import Lookup
from chassis.testing.stand import Stand
from chassis.tx import Tx
from sample.notes import Note, NoteState

NOTE = Note.__table__.c
_OF_ORGANISATION = NOTE.org_id == bindparam("org_id")
ONE = Lookup(
    select(NOTE.id, NOTE.title, NOTE.secret).where(_OF_ORGANISATION, NOTE.id == bindparam("note_id")),
    row_type=Note,
    key="note_id",
)
COUNT = Lookup(select(func.count().label("number")).select_from(Note).where(_OF_ORGANISATION))


def note(stand: Stand, title: str) -> Note:
    now = datetime.now(UTC)
    return Note(
        org_id=stand.org_id,
        id=new_id(),
        version=1,
        created_at=now,
        updated_at=now,
        title=title,
        state=NoteState.OPEN,
    )


async def titles(stand: Stand) -> list[str]:
    async with stand.runtime.source.database.session(stand.org_id, read_only=True) as session:
        wanted = select(Note.title).where(Note.org_id == stand.org_id).order_by(Note.id)
        return list(await session.scalars(wanted))


def statements() -> Work:
    work = Work("request")
    begin_work(work)
    return work


async def test_new_row_is_shown_in_the_round_trip_that_inserts_it(notes: Stand) -> None:
    work = statements()
    new = note(notes, "shown")
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        tx.add(new)
        (row,) = await tx.rows(ONE, org_id=notes.org_id, note_id=new.id)
    assert (row.id, row.title, row.secret) == (new.id, "shown", None)
    assert work.statements == 1
    assert await titles(notes) == ["shown"]


async def test_every_other_query_sees_new_rows_beside_the_old_ones(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        tx.add(note(notes, "old"))
    new = note(notes, "new")
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        tx.add(new)
        assert (await tx.rows(COUNT, org_id=notes.org_id))[0].number == 2
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        tx.add(note(notes, "another"))
        (shown,) = await tx.rows(ONE, org_id=notes.org_id, note_id=new.id)
        assert shown.title == "new"
    assert await titles(notes) == ["old", "new", "another"]


async def test_what_changes_after_the_insert_is_written_too(notes: Stand) -> None:
    new = note(notes, "first")
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        tx.add(new)
        await tx.flush()
        new.title = "second"
    assert await titles(notes) == ["second"]


@pytest.mark.parametrize("has_session", [True, False])
async def test_session_meets_the_inserted_row_itself(notes: Stand, *, has_session: bool) -> None:
    new = note(notes, "once")
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        if has_session:
            await tx.session.scalar(select(1))
        tx.add(new)
        await tx.flush()
        found = await tx.session.scalar(select(Note).where(Note.org_id == notes.org_id))
        assert found is new
        new.title = "changed"
    assert await titles(notes) == ["changed"]


async def test_rows_and_changes_are_one_transaction(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        tx.add(old := note(notes, "old"))
    async with Tx(notes.runtime.source, system_actor(notes.org_id)) as tx:
        mine = select(Note).where(Note.org_id == notes.org_id, Note.id == old.id)
        loaded = await tx.session.scalar(mine)
        assert loaded is not None
        loaded.title = "changed"
        tx.add(note(notes, "new"))
        await tx.flush()  # and no commit
    assert await titles(notes) == ["old"]


class _Base(DeclarativeBase):
    pass


class _Thing(_Base):
    __tablename__ = "thing"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str | None] = mapped_column("label_text", String(10))
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    total: Mapped[int] = mapped_column(BigInteger, default=7)


def test_what_an_object_leaves_out_is_the_default_or_null() -> None:
    thing = _Thing(id=new_id())
    insert = Insert(_Thing)
    assert insert.sql == (
        'INSERT INTO "thing" ("id", "label_text", "document", "total")'
        " VALUES (%(new_id)s, %(new_label)s, %(new_document)s, %(new_total)s)"
    )
    assert insert.values(thing) == {
        "new_id": thing.id,
        "new_label": None,
        "new_document": None,
        "new_total": 7,
    }
    assert (thing.label, thing.total) == (None, 7)
    thing.document = {"a": 1}
    kept = insert.values(thing)["new_document"]
    assert isinstance(kept, Jsonb)
    assert kept.obj == {"a": 1}
