"""Doors of notes: on each kind of row, and on a note itself."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Response
from pydantic import StringConstraints

from chassis.guards import InReadTx, InTx
from chassis.http import API, router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import In, Instant, Out, Person, Text
from sales.domain.labels import Kind
from sales.domain.notes import MAX_BODY
from sales.http.companies import MayRead as MayReadCompanies
from sales.http.contacts import MayRead as MayReadContacts
from sales.http.deals import MayRead as MayReadDeals
from sales.http.labels import MayReadAny
from sales.http.leads import MayRead as MayReadLeads
from sales.store import companies, contacts, deals, leads
from sales.store import notes as store
from sales.usecases.notes import add_note, change_note, delete_note, read_note

notes = router("notes")


class NoteIn(In):
    """A note, or its new text; `@[name](userId)` mentions a member."""

    body: Annotated[Text, StringConstraints(min_length=1, max_length=MAX_BODY)]


class NoteOut(Out):
    """A note and who wrote it."""

    id: UUID
    entity_type: Literal["COMPANY", "CONTACT", "LEAD", "DEAL"]
    entity_id: UUID
    body: str
    author: Person
    mentioned_user_ids: list[UUID]
    version: int
    created_at: Instant
    updated_at: Instant


class NotesQuery(PageQuery):
    """Query parameters of the notes of a row."""

    sort_by: Literal["createdAt"] = "createdAt"


Asked = Annotated[NotesQuery, Depends(NotesQuery.of)]


@notes.get("/companies/{company_id}/notes", response_model=listing(NoteOut))
async def search_of_company(
    company_id: UUID, actor: MayReadCompanies, query: Asked, tx: InReadTx
) -> PageRows | CursorRows:
    """Notes on a company, newest first."""
    await companies.show(tx, actor.org_id, company_id)
    return await store.list_notes(tx, actor.org_id, Kind.COMPANY, company_id, query)


@notes.post("/companies/{company_id}/notes", response_model=NoteOut, status_code=201)
async def add_to_company(
    company_id: UUID, _actor: MayReadCompanies, body: NoteIn, tx: InTx, response: Response
) -> Any:
    """A new note on a company."""
    return _placed(response, await add_note(tx, Kind.COMPANY, company_id, body.body))


@notes.get("/contacts/{contact_id}/notes", response_model=listing(NoteOut))
async def search_of_contact(
    contact_id: UUID, actor: MayReadContacts, query: Asked, tx: InReadTx
) -> PageRows | CursorRows:
    """Notes on a contact, newest first."""
    await contacts.show(tx, actor.org_id, contact_id)
    return await store.list_notes(tx, actor.org_id, Kind.CONTACT, contact_id, query)


@notes.post("/contacts/{contact_id}/notes", response_model=NoteOut, status_code=201)
async def add_to_contact(
    contact_id: UUID, _actor: MayReadContacts, body: NoteIn, tx: InTx, response: Response
) -> Any:
    """A new note on a contact."""
    return _placed(response, await add_note(tx, Kind.CONTACT, contact_id, body.body))


@notes.get("/leads/{lead_id}/notes", response_model=listing(NoteOut))
async def search_of_lead(
    lead_id: UUID, actor: MayReadLeads, query: Asked, tx: InReadTx
) -> PageRows | CursorRows:
    """Notes on a lead, newest first."""
    await leads.show(tx, actor.org_id, lead_id, now=tx.now)
    return await store.list_notes(tx, actor.org_id, Kind.LEAD, lead_id, query)


@notes.post("/leads/{lead_id}/notes", response_model=NoteOut, status_code=201)
async def add_to_lead(lead_id: UUID, _actor: MayReadLeads, body: NoteIn, tx: InTx, response: Response) -> Any:
    """A new note on a lead."""
    return _placed(response, await add_note(tx, Kind.LEAD, lead_id, body.body))


@notes.get("/deals/{deal_id}/notes", response_model=listing(NoteOut))
async def search_of_deal(
    deal_id: UUID, actor: MayReadDeals, query: Asked, tx: InReadTx
) -> PageRows | CursorRows:
    """Notes on a deal, newest first."""
    await deals.show(tx, actor.org_id, deal_id, now=tx.now)
    return await store.list_notes(tx, actor.org_id, Kind.DEAL, deal_id, query)


@notes.post("/deals/{deal_id}/notes", response_model=NoteOut, status_code=201)
async def add_to_deal(deal_id: UUID, _actor: MayReadDeals, body: NoteIn, tx: InTx, response: Response) -> Any:
    """A new note on a deal."""
    return _placed(response, await add_note(tx, Kind.DEAL, deal_id, body.body))


@notes.get("/notes/{note_id}", response_model=NoteOut)
async def read(note_id: UUID, actor: MayReadAny, tx: InReadTx) -> Any:
    """One note, for whoever may see the row it is on."""
    return await read_note(tx, actor, note_id)


@notes.patch("/notes/{note_id}", response_model=NoteOut)
async def change(note_id: UUID, _actor: MayReadAny, body: NoteIn, tx: InTx) -> Any:
    """Another text, by its author or by whoever may change the notes of others."""
    return await change_note(tx, note_id, body.body)


@notes.delete("/notes/{note_id}", status_code=204)
async def delete(note_id: UUID, _actor: MayReadAny, tx: InTx) -> None:
    """The note is gone; who may is as for changing it."""
    await delete_note(tx, note_id)


def _placed(response: Response, note: Any) -> Any:
    response.headers["location"] = f"{API}/notes/{note.id}"
    return note
