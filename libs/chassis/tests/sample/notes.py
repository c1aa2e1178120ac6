"""A tiny service for the chassis' own tests: notes that can be written, listed, changed and sealed."""

import asyncio
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Depends
from sqlalchemy import String, UniqueConstraint, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.auth import Actor, system_actor
from chassis.errors import Conflict, NotFound
from chassis.guards import Arriving, InReadTx, InTx, Requires, SignedIn
from chassis.history import ActivityOut, ActivityQuery, list_activity
from chassis.http import router
from chassis.ids import new_id
from chassis.inbox import Received
from chassis.jobs import Jobs
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.queries import ListQuery, Lookup, Reader
from chassis.rows import Aggregate, service_metadata
from chassis.runtime import Runtime
from chassis.schema import In, Instant, Line, Out, absent
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.states import check_move
from chassis.tx import Fact, Tx
from execos.sales.v1.events_pb2 import CompanyCreated, CompanyUpdated
from execos.sales.v1.snapshots_pb2 import CompanySnapshot


class NoteState(StrEnum):
    OPEN = "OPEN"
    SEALED = "SEALED"


MOVES = {NoteState.OPEN: frozenset({NoteState.SEALED}), NoteState.SEALED: frozenset[NoteState]()}


class Row(DeclarativeBase):
    metadata = service_metadata()


class Note(Row, Aggregate):
    __tablename__ = "note"
    __table_args__ = (UniqueConstraint("org_id", "title"),)
    entity_type: ClassVar[str] = "NOTE"
    redacted: ClassVar[frozenset[str]] = frozenset({"secret"})

    title: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    secret: Mapped[str | None] = mapped_column(String(255))

    def seal(self) -> None:
        check_move(MOVES, NoteState(self.state), NoteState.SEALED)
        self.state = NoteState.SEALED


class NoteIn(In):
    title: Line
    secret: str | None = None


class NotePatch(In):
    title: Line = absent()
    secret: str | None = None


class NoteOut(Out):
    id: UUID
    title: str
    state: str
    version: int
    created_at: Instant


class NoteQuery(PageQuery):
    state: str | None = None


notes = router("notes")
MaySealIfOn = Annotated[Actor, Depends(Requires("notes:seal", feature="sealing"))]
MayRead = Annotated[Actor, Depends(Requires("notes:read"))]
MayWrite = Annotated[Actor, Depends(Requires("notes:write"))]


@notes.get("/notes", response_model=listing(NoteOut))
async def search(
    query: Annotated[NoteQuery, Depends(NoteQuery.of)], actor: MayRead, tx: InReadTx
) -> PageRows | CursorRows:
    """Notes, newest first."""
    return await list_notes(tx, actor.org_id, query)


@notes.get("/notes/arrival")
async def arrive(actor: Arriving) -> dict[str, str]:
    return {"name": actor.name}


@notes.get("/notes/sealing")
async def look_at_the_seal(actor: MaySealIfOn) -> dict[str, str]:
    return {"name": actor.name}


@notes.get("/notes/{note_id}", response_model=NoteOut)
async def read(note_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One note."""
    return await show(tx, actor.org_id, note_id)


@notes.post("/notes", response_model=NoteOut, status_code=201)
async def create(body: NoteIn, actor: MayWrite, tx: InTx) -> Note:
    """Write a note."""
    note = Note(
        org_id=actor.org_id,
        id=new_id(),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        title=body.title,
        state=NoteState.OPEN,
        secret=body.secret,
    )
    tx.add(note)
    tx.record(note, "CREATE")
    tx.publish(Fact(CompanyCreated(company=CompanySnapshot(name=note.title)), note.id, note.version))
    return note


@notes.patch("/notes/{note_id}", response_model=NoteOut)
async def change(note_id: UUID, body: NotePatch, actor: MayWrite, tx: InTx) -> Note:
    """Change a note."""
    note = await get(tx.session, actor.org_id, note_id, lock=True)
    tx.expect(note)
    for name, value in body.changes().items():
        setattr(note, name, value)
    if tx.record(note, "UPDATE"):
        tx.publish(Fact(CompanyUpdated(company=CompanySnapshot(name=note.title)), note.id, note.version))
    return note


@notes.post("/notes/{note_id}/seal", response_model=NoteOut)
async def seal(note_id: UUID, actor: MayWrite, tx: InTx) -> Note:
    """Seal a note."""
    note = await get(tx.session, actor.org_id, note_id, lock=True)
    note.seal()
    tx.record(note, "SEAL")
    return note


@notes.post("/notes/trespass", response_model=NoteOut)
async def trespass(actor: MayWrite, tx: InTx) -> Note:
    """Write into another organisation: a bug that row level security has to hold."""
    note = Note(
        org_id=new_id(),
        id=new_id(),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        title="trespass",
        state=NoteState.OPEN,
        secret=None,
    )
    tx.add(note)
    return note


@notes.get("/notes/{note_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    note_id: UUID, query: Annotated[ActivityQuery, Depends(ActivityQuery.of)], actor: MayRead, tx: InReadTx
) -> PageRows | CursorRows:
    """Who did what to a note."""
    await show(tx, actor.org_id, note_id)
    return await list_activity(tx, actor.org_id, Note.entity_type, note_id, query)


@notes.get("/me")
async def me(actor: SignedIn) -> dict[str, str]:
    """Who is asking."""
    return {"id": str(actor.id)}


COLUMNS = Note.__table__.c
SHOWN = select(COLUMNS.id, COLUMNS.title, COLUMNS.state, COLUMNS.version, COLUMNS.created_at).where(
    COLUMNS.org_id == bindparam("org_id")
)
NOTE = Lookup(SHOWN.where(COLUMNS.id == bindparam("note_id")))
LIST = ListQuery(
    SHOWN,
    key=COLUMNS.id,
    sorts={"createdAt": COLUMNS.created_at, "title": COLUMNS.title, "secret": COLUMNS.secret},
    filters={"state": COLUMNS.state == bindparam("state")},
)


async def list_notes(reader: Reader, org_id: UUID, query: NoteQuery) -> PageRows | CursorRows:
    return await LIST.page(reader, query, org_id=org_id, state=query.state)


async def show(reader: Reader, org_id: UUID, note_id: UUID) -> Any:
    rows = await reader.rows(NOTE, org_id=org_id, note_id=note_id)
    if not rows:
        raise NotFound("There is no such note.")
    return rows[0]


async def get(session: AsyncSession, org_id: UUID, note_id: UUID, *, lock: bool = False) -> Note:
    wanted = select(Note).where(Note.org_id == org_id, Note.id == note_id)
    note = await session.scalar(wanted.with_for_update() if lock else wanted)
    if note is None:
        raise NotFound("There is no such note.")
    return note


class TitleTaken(Conflict):
    reason = "TITLE_TAKEN"


async def on_company_created(tx: Tx, fact: Received) -> None:
    name = fact.message.company.name
    if name == "refuse":
        raise Conflict("not this one")
    if name == "crash":
        raise RuntimeError("a bug")
    note = Note(
        org_id=fact.org_id,
        id=new_id(),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        title=f"Heard of {name}",
        state=NoteState.OPEN,
        secret=None,
    )
    tx.add(note)
    tx.record(note, "CREATE")


async def list_organisations(runtime: Runtime) -> list[UUID]:
    async with runtime.system.session(None, read_only=True) as session:
        return list(await session.scalars(select(Note.org_id).distinct()))


jobs = Jobs("sales", list_organisations)


@jobs.periodic(
    "seal-old-notes",
    cron="0 2 * * *",
    test_cron="*/1 * * * * *",
    description="Seals every open note.",
    retry_seconds=(0.1, 0.1),
)
async def seal_old_notes(runtime: Runtime, org_id: UUID, slot: datetime) -> None:
    async with runtime.source.tx(system_actor(org_id)) as tx:
        for note in await tx.session.scalars(
            select(Note).where(Note.org_id == org_id, Note.state == NoteState.OPEN)
        ):
            if note.title == "unsealable":
                raise TitleTaken("never mind")
            note.seal()
            tx.record(note, "SEAL")


@jobs.task("copy-note", retry_seconds=(0.1, 0.1), test_retry_seconds=(0.1, 0.1))
async def copy_note(runtime: Runtime, org_id: UUID, note_id: str) -> None:
    async with runtime.source.tx(system_actor(org_id)) as tx:
        note = await get(tx.session, org_id, UUID(note_id))
        copy = Note(
            org_id=org_id,
            id=new_id(),
            version=1,
            created_at=tx.now,
            updated_at=tx.now,
            title=f"Copy of {note.title}",
            state=NoteState.OPEN,
            secret=None,
        )
        tx.add(copy)
        tx.record(copy, "CREATE")


@notes.post("/notes/{note_id}/copy", response_model=NoteOut, status_code=200)
async def copy(note_id: UUID, actor: MayWrite, tx: InTx) -> Note:
    """Copy a note, later."""
    note = await get(tx.session, actor.org_id, note_id)
    await jobs.defer(tx, "copy-note", note_id=str(note_id))
    return note


@notes.get("/slow")
async def slow(actor: SignedIn) -> dict[str, str]:
    """An answer that takes a second."""
    await asyncio.sleep(1)
    return {"id": str(actor.id)}


async def count_notes(runtime: Runtime) -> None:
    """Say how many notes there are."""
    async with runtime.system.session(None, read_only=True) as session:
        count = await session.scalar(select(func.count()).select_from(Note))
    print(f"{count} notes in all")


NOTES = Service(
    name="sales",
    title="Notes",
    settings=ServiceSettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parent / "migrations",
    routers=[notes],
    constraints={"uq_note_org_id_title": TitleTaken("There is a note of that title.")},
    jobs=jobs,
    commands={"count-notes": count_notes},
    handlers={"sales.company.created.v1": on_company_created},
)
