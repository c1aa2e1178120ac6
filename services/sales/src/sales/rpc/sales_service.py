"""The questions that other services ask sales."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import grpc

from chassis.auth import system_actor
from chassis.errors import Invalid
from chassis.rpc import Callers, uuid_field
from chassis.runtime import Runtime
from execos.sales.v1 import sales_pb2 as pb
from execos.sales.v1.sales_pb2_grpc import SalesServiceServicer, add_SalesServiceServicer_to_server
from sales.published import company_snapshot, deal_snapshot
from sales.store import companies, contacts, deals

MAX_BATCH = 500
ASKERS = frozenset({"work", "billing", "notifications", "reporting"})
METHODS = ("GetCompany", "BatchGetCompanies", "FindCompanyByName", "GetDeal", "BatchGetDeals")
CALLERS: Callers = {f"/execos.sales.v1.SalesService/{method}": ASKERS for method in METHODS}

Context = grpc.aio.ServicerContext[Any, Any]


class SalesServicer(SalesServiceServicer):
    """Companies and deals of one organisation at a time; a row of another one is not found."""

    def __init__(self, runtime: Runtime) -> None:
        self._source = runtime.source

    async def GetCompany(self, request: pb.GetCompanyRequest, _context: Context) -> pb.GetCompanyResponse:  # noqa: N802 - as the contract names it
        """One company, and where its invoices go."""
        org_id, company_id = uuid_field(request.org_id, "orgId"), uuid_field(request.company_id, "companyId")
        async with self._source.reading(system_actor(org_id)) as reading:
            company = await companies.show(reading, org_id, company_id)
            email = company.email or await contacts.first_email(reading, org_id, company_id)
        return pb.GetCompanyResponse(company=company_snapshot(company), invoice_email=email)

    async def BatchGetCompanies(  # noqa: N802 - as the contract names it
        self, request: pb.BatchGetCompaniesRequest, _context: Context
    ) -> pb.BatchGetCompaniesResponse:
        """Companies by id, archived ones too."""
        org_id, ids = uuid_field(request.org_id, "orgId"), _batch(request.company_ids, "companyIds")
        async with self._source.reading(system_actor(org_id)) as reading:
            rows = await companies.show_each(reading, org_id, ids)
        return pb.BatchGetCompaniesResponse(companies=[company_snapshot(row) for row in rows])

    async def FindCompanyByName(  # noqa: N802 - as the contract names it
        self, request: pb.FindCompanyByNameRequest, _context: Context
    ) -> pb.FindCompanyByNameResponse:
        """The live company of that name, ignoring case."""
        org_id = uuid_field(request.org_id, "orgId")
        async with self._source.reading(system_actor(org_id)) as reading:
            company = await companies.show_named(reading, org_id, request.name.strip())
        return pb.FindCompanyByNameResponse(company=company_snapshot(company))

    async def GetDeal(self, request: pb.GetDealRequest, _context: Context) -> pb.GetDealResponse:  # noqa: N802 - as the contract names it
        """One deal."""
        org_id, deal_id = uuid_field(request.org_id, "orgId"), uuid_field(request.deal_id, "dealId")
        async with self._source.reading(system_actor(org_id)) as reading:
            deal = await deals.show(reading, org_id, deal_id, now=reading.now)
        return pb.GetDealResponse(deal=deal_snapshot(deal))

    async def BatchGetDeals(  # noqa: N802 - as the contract names it
        self, request: pb.BatchGetDealsRequest, _context: Context
    ) -> pb.BatchGetDealsResponse:
        """Deals by id."""
        org_id, ids = uuid_field(request.org_id, "orgId"), _batch(request.deal_ids, "dealIds")
        async with self._source.reading(system_actor(org_id)) as reading:
            rows = await deals.show_each(reading, org_id, ids, now=reading.now)
        return pb.BatchGetDealsResponse(deals=[deal_snapshot(row) for row in rows])


def serve_sales(runtime: Runtime, server: grpc.aio.Server) -> None:
    """Answer sales' questions on a server."""
    add_SalesServiceServicer_to_server(SalesServicer(runtime), server)


def _batch(texts: Sequence[str], name: str) -> list[UUID]:
    if len(texts) > MAX_BATCH:
        raise Invalid.field(name, f"must be at most {MAX_BATCH}")
    return [uuid_field(text, name) for text in texts]
