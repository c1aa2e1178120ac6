"""What billing answers to other services: the real client and the fake say the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from billing.main import BILLING
from chassis.errors import Conflict, DependencyUnavailable, Invalid, NotFound
from chassis.ids import new_id
from chassis.money import Money
from chassis.rpc import Peer, RpcServer, ServiceIdentity
from clients.billing.client import Billing, BillingClient
from clients.billing.fake import FakeBilling
from clients.billing.types import Named

SECRET = "s" * 32
LAST_DAY = "2199-12-31"


@dataclass
class Asked:
    """Either side of the contract, with the same invoices in it."""

    billing: Billing
    org_id: UUID
    company_id: UUID
    sent: UUID
    draft: UUID


@pytest.fixture
async def caller(office: Any) -> AsyncIterator[Any]:
    """A client that is a service of this name, over a real channel."""
    server = RpcServer(ServiceIdentity("billing", SECRET), BILLING.callers, BILLING.constraints)
    BILLING.serve_rpc(office.stand.runtime, server.grpc)
    port = await server.start("127.0.0.1:0")
    peers: list[Peer] = []

    def connect(name: str) -> BillingClient:
        peers.append(Peer("billing", f"127.0.0.1:{port}", ServiceIdentity(name, SECRET)))
        return BillingClient(peers[-1])

    yield connect
    for peer in peers:
        await peer.close()
    await server.stop(0)


@pytest.fixture(params=["real", "fake"])
async def asked(request: pytest.FixtureRequest, office: Any, caller: Any) -> Asked:
    """A sent invoice of 100.00 with 30.00 paid, another of 5.00 USD, a paid one and a draft of one company."""
    if request.param == "fake":
        return _fake(office)
    sent = await office.sent(dueDate=LAST_DAY)
    await office.pay(sent, "30.00", "k")
    await office.sent(amount="5.00", currency="USD", dueDate="2199-12-30")
    await office.act(await office.sent(), "mark-paid")
    draft = await office.draft()
    client = caller("notifications")
    return Asked(client, office.org_id, office.company.id, UUID(sent["id"]), UUID(draft["id"]))


def _fake(office: Any) -> Asked:
    fake, company = FakeBilling(), Named(office.company.id, "Buyer")
    plain: dict[str, Any] = {"company": company, "due_date": _day(LAST_DAY)}
    sent = fake.add_invoice(office.org_id, **plain, status="PARTIALLY_PAID", paid=Money(3000, "EUR"))
    fake.add_invoice(office.org_id, company=company, due_date=_day("2199-12-30"), gross=Money(500, "USD"))
    fake.add_invoice(office.org_id, **plain, status="PAID", paid=Money(10_000, "EUR"))
    draft = fake.add_invoice(office.org_id, **plain, status="DRAFT", number=None)
    return Asked(fake, office.org_id, office.company.id, sent.id, draft.id)


def _day(text: str) -> date:
    return date.fromisoformat(text)


async def test_invoice_is_told(asked: Asked):
    invoice = await asked.billing.invoice(asked.org_id, asked.sent)
    assert (invoice.id, invoice.status, invoice.company) == (
        asked.sent,
        "PARTIALLY_PAID",
        Named(asked.company_id, "Buyer"),
    )
    assert (invoice.gross, invoice.paid, invoice.balance) == (
        Money(10_000, "EUR"),
        Money(3000, "EUR"),
        Money(7000, "EUR"),
    )
    assert (invoice.number or "").startswith("INV-")
    assert invoice.due_date == _day(LAST_DAY)


async def test_draft_is_told_without_a_number(asked: Asked):
    assert (await asked.billing.invoice(asked.org_id, asked.draft)).number is None


async def test_other_organisations_have_no_such_invoice(asked: Asked):
    for org_id, invoice_id in ((new_id(), asked.sent), (asked.org_id, new_id())):
        with pytest.raises(NotFound):
            await asked.billing.invoice(org_id, invoice_id)
        with pytest.raises(NotFound):
            await asked.billing.invoice_pdf(org_id, invoice_id)


async def test_open_invoices_are_told_earliest_due_first(asked: Asked):
    found = await asked.billing.open_invoices(asked.org_id, asked.company_id)
    assert [invoice.balance for invoice in found] == [Money(500, "USD"), Money(7000, "EUR")]
    assert await asked.billing.open_invoices(asked.org_id) == found
    assert await asked.billing.open_invoices(asked.org_id, new_id()) == []
    assert await asked.billing.open_invoices(new_id(), asked.company_id) == []


async def test_document_has_a_name(asked: Asked):
    number = (await asked.billing.invoice(asked.org_id, asked.sent)).number
    document = await asked.billing.invoice_pdf(asked.org_id, asked.sent)
    assert (document.filename, document.content[:5]) == (f"{number}.pdf", b"%PDF-")
    with pytest.raises(Conflict):
        await asked.billing.invoice_pdf(asked.org_id, asked.draft)


async def test_balances_are_told_by_currency(office: Any, caller: Any):
    await office.sent(amount="5.00", currency="USD")
    for _ in range(2):
        await office.sent(amount="1.50")
    await office.act(await office.sent(), "void", {"reason": "x"})
    billing = caller("sales")
    expected = [Money(300, "EUR"), Money(500, "USD")]
    assert await billing.balance_of(office.org_id, office.company.id) == expected
    assert await billing.balance_of(new_id(), office.company.id) == []
    fake = FakeBilling()
    for gross in (Money(500, "USD"), Money(150, "EUR"), Money(150, "EUR")):
        fake.add_invoice(office.org_id, company=Named(office.company.id, "Buyer"), gross=gross)
    assert await fake.balance_of(office.org_id, office.company.id) == expected


async def test_pages_hold_every_open_invoice_once(office: Any, caller: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("clients.billing.client.PAGE", 2)
    sent = {(await office.sent())["id"] for _ in range(5)}
    found = await caller("reporting").open_invoices(office.org_id)
    assert (len(found), {str(invoice.id) for invoice in found}) == (5, sent)


async def test_only_listed_services_may_ask(office: Any, caller: Any):
    sent = await office.sent()
    with pytest.raises(DependencyUnavailable):
        await caller("work").invoice(office.org_id, UUID(sent["id"]))
    with pytest.raises(DependencyUnavailable):
        await caller("sales").invoice_pdf(office.org_id, UUID(sent["id"]))


async def test_ids_that_are_none_are_refused(caller: Any):
    with pytest.raises(Invalid):
        await caller("sales").balance_of("x", "y")


async def test_fake_that_is_away_is_unavailable():
    fake = FakeBilling(is_away=True)
    with pytest.raises(DependencyUnavailable):
        await fake.open_invoices(new_id())
