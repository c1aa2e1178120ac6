"""Doors of contacts."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.history import ActivityOut, ActivityQuery, list_activity
from chassis.http import router
from chassis.paging import CursorRows, PageRows, listing
from chassis.schema import Instant, Line, Out, Person, absent
from sales.domain.channels import channel
from sales.domain.contacts import Contact
from sales.domain.permissions import Permission
from sales.http.knowing import owner_known
from sales.http.labels import LabelledIn
from sales.http.shapes import ArchivableQuery, ChannelOut, ChannelsIn, Email, Named, Phone, ShortText
from sales.store import contacts as store
from sales.usecases.contacts import archive_contact, change_contact, create_contact, restore_contact

contacts = router("contacts")

MayRead = Annotated[Actor, Depends(Requires(Permission.CONTACTS_READ))]
MayWrite = Annotated[Actor, Depends(Requires(Permission.CONTACTS_WRITE))]


class ContactFields(LabelledIn):
    """What a contact may have besides a name and a company; `email` and `phone` mean the primary channels."""

    title: ShortText | None = None
    channels: ChannelsIn = absent()
    email: Email | None = None
    phone: Phone | None = None

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, the channels as they are kept."""
        sent = super().changes()
        if "channels" in sent:
            sent["channels"] = [
                channel(each.kind, each.value, is_primary=each.is_primary) for each in self.channels
            ]
        return sent


class NewContactIn(ContactFields):
    """A new contact of a company that is told apart from it."""

    name: Line


class ContactIn(NewContactIn):
    """A new contact."""

    company_id: UUID | None = None


class ContactPatch(ContactFields):
    """What to change; a field that is left out stays, null clears it."""

    name: Line = absent()
    company_id: UUID | None = None


class ContactOut(Out):
    """A contact."""

    id: UUID
    name: str
    title: str | None
    company_id: UUID | None
    company: Named | None
    email: str | None
    phone: str | None
    channels: list[ChannelOut]
    owner_user_id: UUID | None
    owner: Person | None
    tags: list[str]
    custom_fields: dict[str, Any]
    version: int
    created_at: Instant
    updated_at: Instant
    archived_at: Instant | None


class ContactsQuery(ArchivableQuery):
    """Query parameters of the contacts of a company."""

    sort_by: Literal["createdAt", "name", "title"] = "createdAt"


class AllContactsQuery(ContactsQuery):
    """Query parameters of the list of contacts."""

    company_id: UUID | None = None

    def filters(self) -> dict[str, Any]:
        """The same, and the company."""
        return super().filters() | {"company_id": self.company_id}


@contacts.get("/contacts", response_model=listing(ContactOut))
async def search(
    actor: MayRead, query: Annotated[AllContactsQuery, Depends(AllContactsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Contacts, newest first unless another order is asked for."""
    return await store.list_contacts(tx, actor.org_id, query, query.filters())


@contacts.post("/contacts", response_model=ContactOut, status_code=201)
async def create(_actor: MayWrite, body: Annotated[ContactIn, owner_known(ContactIn)], tx: InTx) -> Any:
    """A new contact, of a company or of none yet."""
    return await create_contact(tx, body.changes())


@contacts.get("/contacts/{contact_id}", response_model=ContactOut)
async def read(contact_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One contact, archived or not."""
    return await store.show(tx, actor.org_id, contact_id)


@contacts.patch("/contacts/{contact_id}", response_model=ContactOut)
async def change(
    contact_id: UUID, _actor: MayWrite, body: Annotated[ContactPatch, owner_known(ContactPatch)], tx: InTx
) -> Any:
    """Change what is sent; null clears what may be empty."""
    return await change_contact(tx, contact_id, body.changes())


@contacts.post("/contacts/{contact_id}/archive", response_model=ContactOut)
async def archive(contact_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Put the contact away; archiving it again is no change."""
    return await archive_contact(tx, contact_id)


@contacts.post("/contacts/{contact_id}/restore", response_model=ContactOut)
async def restore(contact_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Bring the contact back; restoring it again is no change."""
    return await restore_contact(tx, contact_id)


@contacts.get("/contacts/{contact_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    contact_id: UUID, actor: MayRead, query: Annotated[ActivityQuery, Depends(ActivityQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Who did what to the contact, newest first."""
    await store.show(tx, actor.org_id, contact_id)
    return await list_activity(tx, actor.org_id, Contact.entity_type, contact_id, query)
