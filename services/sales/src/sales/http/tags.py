"""Doors of tags: the organisation's words, and those of a row."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import Field, StringConstraints

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import In, Instant, Out, Text, absent
from sales.domain.permissions import Permission
from sales.http.companies import CompanyOut
from sales.http.companies import MayWrite as MayWriteCompanies
from sales.http.contacts import ContactOut
from sales.http.contacts import MayWrite as MayWriteContacts
from sales.http.deals import DealOut
from sales.http.deals import MayWrite as MayWriteDeals
from sales.http.knowing import know_organisation
from sales.http.labels import MayReadAny, TagName, TagsIn
from sales.http.leads import LeadOut
from sales.http.leads import MayWrite as MayWriteLeads
from sales.store import tags as store
from sales.usecases.companies import change_company
from sales.usecases.contacts import change_contact
from sales.usecases.deals import change_deal
from sales.usecases.leads import change_lead
from sales.usecases.tags import change_tag, create_tag, delete_tag

tags = router("tags")

MayManage = Annotated[Actor, Depends(Requires(Permission.TAGS_MANAGE))]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]


class TagIn(In):
    """A new tag; its name is unique, ignoring case."""

    name: TagName
    colour: Colour | None = Field(None, description="As in `#1f6feb`.")


class TagPatch(In):
    """What to change; rows that carry the tag carry its new name at once."""

    name: TagName = absent()
    colour: Colour | None = None


class TagOut(Out):
    """A tag, and how many rows carry it that are not archived."""

    id: UUID
    name: str
    colour: str | None
    usage_count: int
    version: int
    created_at: Instant
    updated_at: Instant


class TagsQuery(PageQuery):
    """Query parameters of the list of tags."""

    sort_by: Literal["name", "createdAt", "usageCount"] = "name"
    sort_dir: Literal["asc", "desc"] = "asc"
    q: Annotated[Text, StringConstraints(max_length=255)] | None = Field(
        None, description="Text to be found."
    )


@tags.get("/tags", response_model=listing(TagOut))
async def search(
    actor: MayReadAny, query: Annotated[TagsQuery, Depends(TagsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """The organisation's tags, by name."""
    return await store.list_tags(tx, actor.org_id, query, {"q": query.q or None})


@tags.post("/tags", response_model=TagOut, status_code=201)
async def create(_actor: MayReadAny, body: TagIn, tx: InTx) -> Any:
    """A new tag."""
    return await create_tag(tx, body.changes())


@tags.get("/tags/{tag_id}", response_model=TagOut)
async def read(tag_id: UUID, actor: MayReadAny, tx: InReadTx) -> Any:
    """One tag."""
    return await store.show(tx, actor.org_id, tag_id)


@tags.patch("/tags/{tag_id}", response_model=TagOut)
async def change(tag_id: UUID, _actor: MayManage, body: TagPatch, tx: InTx) -> Any:
    """Another name or colour."""
    return await change_tag(tx, tag_id, body.changes())


@tags.delete("/tags/{tag_id}", status_code=204)
async def delete(tag_id: UUID, _actor: MayManage, tx: InTx) -> None:
    """No row carries the tag any more."""
    await delete_tag(tx, tag_id)


@tags.put("/companies/{company_id}/tags", response_model=CompanyOut)
async def replace_of_company(company_id: UUID, _actor: MayWriteCompanies, body: TagsIn, tx: InTx) -> Any:
    """The company carries exactly these tags."""
    return await change_company(tx, company_id, body.changes())


@tags.put("/contacts/{contact_id}/tags", response_model=ContactOut)
async def replace_of_contact(contact_id: UUID, _actor: MayWriteContacts, body: TagsIn, tx: InTx) -> Any:
    """The contact carries exactly these tags."""
    return await change_contact(tx, contact_id, body.changes())


@tags.put("/leads/{lead_id}/tags", response_model=LeadOut)
async def replace_of_lead(lead_id: UUID, _actor: MayWriteLeads, body: TagsIn, tx: InTx) -> Any:
    """The lead carries exactly these tags."""
    return await change_lead(tx, lead_id, body.changes())


@tags.put("/deals/{deal_id}/tags", response_model=DealOut)
async def replace_of_deal(
    deal_id: UUID,
    _actor: MayWriteDeals,
    _terms: Annotated[None, Depends(know_organisation)],
    body: TagsIn,
    tx: InTx,
) -> Any:
    """The deal carries exactly these tags."""
    return await change_deal(tx, deal_id, body.changes())
