"""The questions billing answers to other services."""

from typing import Any
from uuid import UUID

import grpc

from billing.documents.render import render
from billing.published import snapshot
from billing.store import documents, invoices
from chassis.auth import system_actor
from chassis.errors import Invalid
from chassis.paging import PageQuery
from chassis.rpc import Callers, uuid_field
from chassis.runtime import Runtime
from execos.billing.v1 import billing_pb2 as pb
from execos.billing.v1.billing_pb2_grpc import BillingServiceServicer, add_BillingServiceServicer_to_server
from execos.platform.v1.values_pb2 import Money as MoneyMessage

PAGE_SIZE, MAX_PAGE_SIZE = 100, 500

_SERVICE = "/execos.billing.v1.BillingService"
CALLERS: Callers = {
    f"{_SERVICE}/GetInvoice": frozenset({"notifications", "reporting", "sales"}),
    f"{_SERVICE}/ListOpenInvoices": frozenset({"notifications", "reporting", "sales"}),
    f"{_SERVICE}/BalanceOf": frozenset({"reporting", "sales"}),
    f"{_SERVICE}/RenderInvoicePdf": frozenset({"notifications"}),
}


class BillingService(BillingServiceServicer):
    """Invoices of an organisation, read only."""

    def __init__(self, runtime: Runtime) -> None:
        self._source = runtime.source

    async def GetInvoice(self, request: pb.GetInvoiceRequest, _context: Any) -> pb.GetInvoiceResponse:  # noqa: N802 - the contract's name
        """One invoice."""
        org_id, invoice_id = _ids(request)
        async with self._source.reading(system_actor(org_id)) as reading:
            row = await invoices.show(reading, org_id, invoice_id, reading.now)
        return pb.GetInvoiceResponse(invoice=snapshot(row))

    async def ListOpenInvoices(  # noqa: N802 - the contract's name
        self, request: pb.ListOpenInvoicesRequest, _context: Any
    ) -> pb.ListOpenInvoicesResponse:
        """A page of what is owed, the earliest due first."""
        org_id = uuid_field(request.org_id, "org_id")
        company_id = uuid_field(request.company_id, "company_id") if request.company_id else None
        query = _page(request)
        async with self._source.reading(system_actor(org_id)) as reading:
            page = await invoices.list_open(reading, org_id, query, now=reading.now, company_id=company_id)
        found = [snapshot(row) for row in page.items]
        return pb.ListOpenInvoicesResponse(invoices=found, next_page_token=page.next_cursor or "")

    async def BalanceOf(self, request: pb.BalanceOfRequest, _context: Any) -> pb.BalanceOfResponse:  # noqa: N802 - the contract's name
        """What a company owes, by currency."""
        org_id, company_id = (
            uuid_field(request.org_id, "org_id"),
            uuid_field(request.company_id, "company_id"),
        )
        async with self._source.reading(system_actor(org_id)) as reading:
            rows = await invoices.list_balances(reading, org_id, company_id)
        return pb.BalanceOfResponse(
            balances=[MoneyMessage(minor=row.minor, currency=row.currency) for row in rows]
        )

    async def RenderInvoicePdf(  # noqa: N802 - the contract's name
        self, request: pb.RenderInvoicePdfRequest, _context: Any
    ) -> pb.RenderInvoicePdfResponse:
        """The invoice as its buyer sees it."""
        org_id, invoice_id = _ids(request)
        async with self._source.reading(system_actor(org_id)) as reading:
            document = await documents.get(reading, org_id, invoice_id)
        return pb.RenderInvoicePdfResponse(filename=document.filename, pdf=await render(document))


def serve_billing(runtime: Runtime, server: grpc.aio.Server) -> None:
    """Answer on this server."""
    add_BillingServiceServicer_to_server(BillingService(runtime), server)


def _ids(request: pb.GetInvoiceRequest | pb.RenderInvoicePdfRequest) -> tuple[UUID, UUID]:
    return uuid_field(request.org_id, "org_id"), uuid_field(request.invoice_id, "invoice_id")


def _page(request: pb.ListOpenInvoicesRequest) -> PageQuery:
    if not 0 <= request.page_size <= MAX_PAGE_SIZE:
        raise Invalid.field("page_size", f"must be 0 to {MAX_PAGE_SIZE}")
    # Not validated: REST pages are smaller than pages between services.
    return PageQuery.model_construct(
        sort_by="dueDate",
        sort_dir="asc",
        limit=request.page_size or PAGE_SIZE,
        cursor=request.page_token or None,
    )
