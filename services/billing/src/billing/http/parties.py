"""What a door asks of others before its transaction: unknown companies and deals, and the buyer at sending."""

from collections.abc import Collection
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from billing.copies import COMPANIES, DEALS, ORGANISATIONS
from billing.domain.invoices import Status
from billing.domain.parties import Party
from billing.http.invoice_schemas import InvoiceIn, InvoicePatch
from billing.store import invoices, references
from chassis.auth import Actor
from chassis.errors import BadRequest, NotFound
from chassis.guards import ACTOR_KEY
from chassis.runtime import Runtime, runtime_of
from clients.identity.client import IdentityClient
from clients.identity.copies import ensure_organisation
from clients.sales.client import SalesClient
from clients.sales.copies import ensure_companies, ensure_deals


async def with_known_references(body: InvoiceIn, request: Request) -> InvoiceIn:
    """The body, once what it refers to is known here as far as sales knows it."""
    await _ensure_known(request, [body.company_id], [body.deal_id])
    return body


async def with_known_changes(body: InvoicePatch, request: Request) -> InvoicePatch:
    """The same for a change."""
    await _ensure_known(request, [body.company_id], [body.deal_id])
    return body


async def current_buyer(invoice_id: UUID, request: Request) -> Party | None:
    """The company of a draft as sales knows it now, with the address for its invoices; None unless it is a draft."""
    runtime, actor = runtime_of(request.app), _actor(request)
    async with runtime.source.reading(actor) as reading:
        invoice = await invoices.show(reading, actor.org_id, invoice_id, reading.now)
    if invoice.status != Status.DRAFT:
        return None
    return await _ask_buyer(runtime, actor.org_id, invoice.company_id)


NewBody = Annotated[InvoiceIn, Depends(with_known_references)]
PatchBody = Annotated[InvoicePatch, Depends(with_known_changes)]
CurrentBuyer = Annotated[Party | None, Depends(current_buyer)]


async def _ask_buyer(runtime: Runtime, org_id: UUID, company_id: UUID) -> Party:
    try:
        buyer = await runtime.part(SalesClient).buyer(org_id, company_id)
    except NotFound as error:
        raise BadRequest("The company of this invoice does not exist any more.") from error
    company = buyer.company
    return Party(
        id=company.id,
        name=company.name,
        legal_name=company.legal_name,
        address=company.address,
        vat_id=company.vat_id,
        email=buyer.invoice_email,
    )


async def _ensure_known(
    request: Request, companies: Collection[UUID | None], deals: Collection[UUID | None]
) -> None:
    runtime, org_id = runtime_of(request.app), _actor(request).org_id
    company_ids = [each for each in companies if each is not None]
    deal_ids = [each for each in deals if each is not None]
    async with runtime.source.database.session(org_id, read_only=True) as session:
        if await references.has_all(session, org_id, company_ids=company_ids, deal_ids=deal_ids):
            return
    await ensure_organisation(ORGANISATIONS, runtime.source, runtime.part(IdentityClient), org_id)
    await ensure_companies(COMPANIES, runtime.source, runtime.part(SalesClient), org_id, [*company_ids])
    await ensure_deals(DEALS, runtime.source, runtime.part(SalesClient), org_id, [*deal_ids])


def _actor(request: Request) -> Actor:
    # Every door names its actor before what it asks of others.
    actor: Actor = request.scope[ACTOR_KEY]
    return actor
