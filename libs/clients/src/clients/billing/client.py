"""Questions to billing over gRPC."""

from typing import Protocol
from uuid import UUID

from chassis.money import Money
from chassis.rpc import Peer
from clients.billing.types import Invoice, Pdf, invoice_of, money_of
from execos.billing.v1 import billing_pb2 as pb
from execos.billing.v1.billing_pb2_grpc import BillingServiceStub

PAGE = 500
RENDER_SECONDS = 10.0
"""A document waits for those before it."""


class Billing(Protocol):
    """What can be asked; the real client and the fake both answer."""

    async def invoice(self, org_id: UUID, invoice_id: UUID) -> Invoice:
        """One invoice; NotFound when it does not exist."""

    async def open_invoices(self, org_id: UUID, company_id: UUID | None = None) -> list[Invoice]:
        """What is sent and not paid in full, of a company or of all, the earliest due first."""

    async def balance_of(self, org_id: UUID, company_id: UUID) -> list[Money]:
        """What a company owes: one amount for each currency in which it owes something."""

    async def invoice_pdf(self, org_id: UUID, invoice_id: UUID) -> Pdf:
        """The invoice as its buyer sees it; NotFound when it does not exist, Conflict while it is a draft."""


class BillingClient:
    """The real thing: calls billing with deadline, identity and error mapping."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = BillingServiceStub(peer.channel)

    async def invoice(self, org_id: UUID, invoice_id: UUID) -> Invoice:
        """One invoice; NotFound when it does not exist."""
        request = pb.GetInvoiceRequest(org_id=str(org_id), invoice_id=str(invoice_id))
        answer = await self._peer.ask(self._stub.GetInvoice, request)
        return invoice_of(org_id, answer.invoice)

    async def open_invoices(self, org_id: UUID, company_id: UUID | None = None) -> list[Invoice]:
        """What is sent and not paid in full, page by page, the earliest due first."""
        found: list[Invoice] = []
        token = ""
        while True:
            request = pb.ListOpenInvoicesRequest(
                org_id=str(org_id),
                company_id=str(company_id) if company_id else None,
                page_size=PAGE,
                page_token=token,
            )
            answer = await self._peer.ask(self._stub.ListOpenInvoices, request)
            found += [invoice_of(org_id, message) for message in answer.invoices]
            token = answer.next_page_token
            if not token:
                return found

    async def balance_of(self, org_id: UUID, company_id: UUID) -> list[Money]:
        """What a company owes, in order of currency."""
        request = pb.BalanceOfRequest(org_id=str(org_id), company_id=str(company_id))
        answer = await self._peer.ask(self._stub.BalanceOf, request)
        return [money_of(balance) for balance in answer.balances]

    async def invoice_pdf(self, org_id: UUID, invoice_id: UUID) -> Pdf:
        """The invoice as its buyer sees it; Conflict while it is a draft."""
        request = pb.RenderInvoicePdfRequest(org_id=str(org_id), invoice_id=str(invoice_id))
        answer = await self._peer.ask(self._stub.RenderInvoicePdf, request, deadline_seconds=RENDER_SECONDS)
        return Pdf(answer.filename, answer.pdf)
