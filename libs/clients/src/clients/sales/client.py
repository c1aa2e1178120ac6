"""Questions to sales over gRPC."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from chassis.rpc import Peer
from clients.sales.types import Buyer, Company, Deal, company_of, deal_of
from execos.sales.v1 import sales_pb2 as pb
from execos.sales.v1.sales_pb2_grpc import SalesServiceStub


class Sales(Protocol):
    """What can be asked; the real client and the fake both answer."""

    async def buyer(self, org_id: UUID, company_id: UUID) -> Buyer:
        """One company and where its invoices go; NotFound when it does not exist."""

    async def companies(self, org_id: UUID, company_ids: Sequence[UUID]) -> list[Company]:
        """Companies by id (at most 500), archived ones too; unknown ids are left out."""

    async def company_named(self, org_id: UUID, name: str) -> Company:
        """The live company of that name, ignoring case; NotFound when there is none."""

    async def deal(self, org_id: UUID, deal_id: UUID) -> Deal:
        """One deal; NotFound when it does not exist."""

    async def deals(self, org_id: UUID, deal_ids: Sequence[UUID]) -> list[Deal]:
        """Deals by id (at most 500); unknown ids are left out."""


class SalesClient:
    """The real thing: calls sales with deadline, identity and error mapping."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = SalesServiceStub(peer.channel)

    async def buyer(self, org_id: UUID, company_id: UUID) -> Buyer:
        """One company and where its invoices go; NotFound when it does not exist."""
        request = pb.GetCompanyRequest(org_id=str(org_id), company_id=str(company_id))
        answer = await self._peer.ask(self._stub.GetCompany, request)
        return Buyer(company_of(org_id, answer.company), answer.invoice_email or None)

    async def companies(self, org_id: UUID, company_ids: Sequence[UUID]) -> list[Company]:
        """Companies by id (at most 500), archived ones too; unknown ids are left out."""
        request = pb.BatchGetCompaniesRequest(
            org_id=str(org_id), company_ids=[str(each) for each in company_ids]
        )
        answer = await self._peer.ask(self._stub.BatchGetCompanies, request)
        return [company_of(org_id, message) for message in answer.companies]

    async def company_named(self, org_id: UUID, name: str) -> Company:
        """The live company of that name, ignoring case; NotFound when there is none."""
        request = pb.FindCompanyByNameRequest(org_id=str(org_id), name=name)
        answer = await self._peer.ask(self._stub.FindCompanyByName, request)
        return company_of(org_id, answer.company)

    async def deal(self, org_id: UUID, deal_id: UUID) -> Deal:
        """One deal; NotFound when it does not exist."""
        answer = await self._peer.ask(
            self._stub.GetDeal, pb.GetDealRequest(org_id=str(org_id), deal_id=str(deal_id))
        )
        return deal_of(org_id, answer.deal)

    async def deals(self, org_id: UUID, deal_ids: Sequence[UUID]) -> list[Deal]:
        """Deals by id (at most 500); unknown ids are left out."""
        request = pb.BatchGetDealsRequest(org_id=str(org_id), deal_ids=[str(each) for each in deal_ids])
        answer = await self._peer.ask(self._stub.BatchGetDeals, request)
        return [deal_of(org_id, message) for message in answer.deals]
