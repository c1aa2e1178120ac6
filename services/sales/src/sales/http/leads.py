"""Doors of leads."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field, StringConstraints

from chassis.auth import Actor
from chassis.guards import ACTOR_KEY, InReadTx, InTx, Requires
from chassis.history import ActivityOut, ActivityQuery, list_activity
from chassis.http import API, router
from chassis.paging import CursorRows, PageRows, listing
from chassis.schema import Amount, Currency, Day, In, Instant, Line, Out, Person, Text, absent
from sales.domain.leads import Lead, LeadCategory, LeadStage
from sales.domain.permissions import Permission
from sales.http.companies import CompanyIn
from sales.http.contacts import NewContactIn
from sales.http.deals import DealOut
from sales.http.knowing import know_organisation, know_people, owner_known
from sales.http.labels import LabelledIn
from sales.http.shapes import ArchivableQuery, Named, Notes, Reason
from sales.store import leads as store
from sales.usecases.conversions import convert_lead
from sales.usecases.leads import (
    archive_lead,
    change_lead,
    create_lead,
    disqualify_lead,
    qualify_lead,
    reopen_lead,
    restore_lead,
)

leads = router("leads")

MayRead = Annotated[Actor, Depends(Requires(Permission.LEADS_READ))]
MayWrite = Annotated[Actor, Depends(Requires(Permission.LEADS_WRITE))]
MayConvert = Annotated[Actor, Depends(Requires(Permission.LEADS_CONVERT))]


class LeadFields(LabelledIn):
    """What a lead may have besides its title and stage."""

    source: Annotated[Text, StringConstraints(max_length=100)] | None = None
    category: LeadCategory | None = Field(
        None, description="What you think of it; null leaves it to its activity."
    )
    notes: Notes | None = None
    company_id: UUID | None = None
    contact_id: UUID | None = None


class LeadIn(LeadFields):
    """A new lead."""

    title: Line
    stage: Literal["NEW", "QUALIFIED"] = "NEW"


class LeadPatch(LeadFields):
    """What to change; a field that is left out stays, null clears it, a stage runs its command."""

    title: Line = absent()
    stage: LeadStage = absent()


class DisqualifyIn(In):
    """Why a lead is not worth pursuing."""

    reason: Reason | None = None


class ConvertIn(LabelledIn):
    """What the deal has beyond the lead: a company and a contact, named or described, and terms."""

    company_id: UUID | None = None
    company: CompanyIn | None = Field(None, description="A new company, where the lead has none.")
    contact_id: UUID | None = Field(None, description="Null: without a contact, whatever the lead has.")
    contact: NewContactIn | None = Field(
        None, description="A new contact of the company, where the lead has none or contactId is null."
    )
    owner_user_id: UUID | None = Field(
        None, description="Null: not the lead's owner; nobody, or you where the policy wants somebody."
    )
    value_amount: Amount | None = None
    currency: Currency | None = None
    expected_close_date: Day | None = None

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, what is described as its own fields."""
        described = {"company": self.company, "contact": self.contact}
        return super().changes() | {name: each.changes() for name, each in described.items() if each}


class LeadOut(Out):
    """A lead."""

    id: UUID
    title: str
    stage: LeadStage
    is_stale: bool
    source: str | None
    category: LeadCategory = Field(
        description="`dormant` while the lead is stale, else what was chosen, else what its activity says."
    )
    chosen_category: LeadCategory | None = Field(description="What somebody said it is.")
    notes: str | None
    company_id: UUID | None
    company: Named | None
    contact_id: UUID | None
    owner_user_id: UUID | None
    owner: Person | None
    disqualified_reason: str | None
    converted_deal_id: UUID | None
    converted_at: Instant | None
    last_activity_at: Instant
    tags: list[str]
    custom_fields: dict[str, Any]
    version: int
    created_at: Instant
    updated_at: Instant
    archived_at: Instant | None


class LeadsQuery(ArchivableQuery):
    """Query parameters of the list of leads."""

    sort_by: Literal["createdAt", "title", "stage"] = "createdAt"
    stage: LeadStage | None = None
    category: LeadCategory | None = None
    stale: bool | None = None
    company_id: UUID | None = None

    def filters(self) -> dict[str, Any]:
        """The same, and those of leads."""
        names = ("stage", "category", "stale", "company_id")
        return super().filters() | {name: getattr(self, name) for name in names}


async def know_terms(request: Request, body: ConvertIn | None = None) -> ConvertIn:
    """The body of a conversion, once everybody who may own a row of it is known here."""
    body = body or ConvertIn()
    described = [each.owner_user_id for each in (body.company, body.contact) if each]
    await know_organisation(request)
    await know_people(request, body.owner_user_id, *described, request.scope[ACTOR_KEY].id)
    return body


@leads.get("/leads", response_model=listing(LeadOut))
async def search(
    actor: MayRead, query: Annotated[LeadsQuery, Depends(LeadsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Leads, newest first unless another order is asked for."""
    return await store.list_leads(tx, actor.org_id, query, query.filters() | {"now": tx.now})


@leads.post("/leads", response_model=LeadOut, status_code=201)
async def create(_actor: MayWrite, body: Annotated[LeadIn, owner_known(LeadIn)], tx: InTx) -> Any:
    """A new lead; company and contact must belong together."""
    return await create_lead(tx, body.changes())


@leads.get("/leads/{lead_id}", response_model=LeadOut)
async def read(lead_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One lead."""
    return await store.show(tx, actor.org_id, lead_id, now=tx.now)


@leads.patch("/leads/{lead_id}", response_model=LeadOut)
async def change(
    lead_id: UUID, _actor: MayWrite, body: Annotated[LeadPatch, owner_known(LeadPatch)], tx: InTx
) -> Any:
    """Change what is sent; null clears what may be empty, another stage runs qualify, disqualify or reopen."""
    return await change_lead(tx, lead_id, body.changes())


@leads.post("/leads/{lead_id}/qualify", response_model=LeadOut)
async def qualify(lead_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """A NEW lead is worth pursuing."""
    return await qualify_lead(tx, lead_id)


@leads.post("/leads/{lead_id}/disqualify", response_model=LeadOut)
async def disqualify(lead_id: UUID, _actor: MayWrite, tx: InTx, body: DisqualifyIn | None = None) -> Any:
    """The lead is not worth pursuing."""
    return await disqualify_lead(tx, lead_id, body.reason if body else None)


@leads.post("/leads/{lead_id}/reopen", response_model=LeadOut)
async def reopen(lead_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """A qualified or disqualified lead is NEW again."""
    return await reopen_lead(tx, lead_id)


@leads.post("/leads/{lead_id}/convert-to-deal", response_model=DealOut, status_code=201)
async def convert_to_deal(
    lead_id: UUID,
    response: Response,
    _actor: MayConvert,
    body: Annotated[ConvertIn, Depends(know_terms)],
    tx: InTx,
) -> Any:
    """The lead becomes a deal, once; its company, contact, owner and notes go along."""
    deal = await convert_lead(tx, lead_id, body.changes())
    response.headers["location"] = f"{API}/deals/{deal.id}"
    return deal


@leads.post("/leads/{lead_id}/archive", response_model=LeadOut)
async def archive(lead_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Put the lead away; archiving it again is no change."""
    return await archive_lead(tx, lead_id)


@leads.post("/leads/{lead_id}/restore", response_model=LeadOut)
async def restore(lead_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Bring the lead back; restoring it again is no change."""
    return await restore_lead(tx, lead_id)


@leads.get("/leads/{lead_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    lead_id: UUID, actor: MayRead, query: Annotated[ActivityQuery, Depends(ActivityQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Who did what to the lead, newest first."""
    await store.show(tx, actor.org_id, lead_id, now=tx.now)
    return await list_activity(tx, actor.org_id, Lead.entity_type, lead_id, query)
