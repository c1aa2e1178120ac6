"""Doors of companies."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.history import ActivityOut, ActivityQuery, list_activity
from chassis.http import router
from chassis.paging import CursorRows, PageRows, listing
from chassis.schema import Instant, Line, Out, Person, absent
from sales.domain.companies import Company
from sales.domain.permissions import Permission
from sales.domain.rows import address_with
from sales.http.contacts import ContactOut, ContactsQuery
from sales.http.contacts import MayRead as MayReadContacts
from sales.http.knowing import owner_known
from sales.http.labels import LabelledIn
from sales.http.shapes import AddressIn, AddressOut, ArchivableQuery, Email, Phone, ShortText, VatId
from sales.store import companies as store
from sales.store import contacts
from sales.usecases.companies import archive_company, change_company, create_company, restore_company

companies = router("companies")

MayRead = Annotated[Actor, Depends(Requires(Permission.COMPANIES_READ))]
MayWrite = Annotated[Actor, Depends(Requires(Permission.COMPANIES_WRITE))]


class CompanyFields(LabelledIn):
    """What a company may have besides its name."""

    industry: ShortText | None = None
    website: ShortText | None = None
    phone: Phone | None = None
    email: Email | None = None
    legal_name: ShortText | None = None
    vat_id: VatId | None = None
    address: AddressIn | None = None

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, of the address the parts."""
        sent = super().changes()
        return sent | {"address": self.address.parts()} if self.address else sent


class CompanyIn(CompanyFields):
    """A new company."""

    name: Line

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, the address as it is kept."""
        sent = super().changes()
        return sent | {"address": address_with(sent["address"])} if self.address else sent


class CompanyPatch(CompanyFields):
    """What to change; a field that is left out stays, null clears it."""

    name: Line = absent()


class CompanyOut(Out):
    """A company."""

    id: UUID
    name: str
    industry: str | None
    website: str | None
    phone: str | None
    email: str | None
    legal_name: str | None
    vat_id: str | None
    address: AddressOut | None
    owner_user_id: UUID | None
    owner: Person | None
    tags: list[str]
    custom_fields: dict[str, Any]
    merged_into_id: UUID | None
    version: int
    created_at: Instant
    updated_at: Instant
    archived_at: Instant | None


class CompaniesQuery(ArchivableQuery):
    """Query parameters of the list of companies."""

    sort_by: Literal["createdAt", "name", "industry"] = "createdAt"


@companies.get("/companies", response_model=listing(CompanyOut))
async def search(
    actor: MayRead, query: Annotated[CompaniesQuery, Depends(CompaniesQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Companies, newest first unless another order is asked for."""
    return await store.list_companies(tx, actor.org_id, query, query.filters())


@companies.post("/companies", response_model=CompanyOut, status_code=201)
async def create(_actor: MayWrite, body: Annotated[CompanyIn, owner_known(CompanyIn)], tx: InTx) -> Any:
    """A new company; its name is unique among live companies, ignoring case."""
    return await create_company(tx, body.changes())


@companies.get("/companies/{company_id}", response_model=CompanyOut)
async def read(company_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One company, archived or not."""
    return await store.show(tx, actor.org_id, company_id)


@companies.patch("/companies/{company_id}", response_model=CompanyOut)
async def change(
    company_id: UUID, _actor: MayWrite, body: Annotated[CompanyPatch, owner_known(CompanyPatch)], tx: InTx
) -> Any:
    """Change what is sent; null clears what may be empty."""
    return await change_company(tx, company_id, body.changes())


@companies.post("/companies/{company_id}/archive", response_model=CompanyOut)
async def archive(company_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Put the company away; archiving it again is no change."""
    return await archive_company(tx, company_id)


@companies.post("/companies/{company_id}/restore", response_model=CompanyOut)
async def restore(company_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Bring the company back, unless its name has been taken; restoring it again is no change."""
    return await restore_company(tx, company_id)


@companies.get("/companies/{company_id}/contacts", response_model=listing(ContactOut))
async def search_contacts(
    company_id: UUID,
    actor: MayReadContacts,
    query: Annotated[ContactsQuery, Depends(ContactsQuery.of)],
    tx: InReadTx,
) -> PageRows | CursorRows:
    """Contacts of a company, archived or not, newest first."""
    await store.show(tx, actor.org_id, company_id)
    return await contacts.list_contacts(tx, actor.org_id, query, query.filters() | {"company_id": company_id})


@companies.get("/companies/{company_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    company_id: UUID, actor: MayRead, query: Annotated[ActivityQuery, Depends(ActivityQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Who did what to the company, newest first."""
    await store.show(tx, actor.org_id, company_id)
    return await list_activity(tx, actor.org_id, Company.entity_type, company_id, query)
