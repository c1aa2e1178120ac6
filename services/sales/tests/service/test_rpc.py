"""The questions of other services, by the real client over a real channel; the fake gives the same answers."""

from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import UUID

import grpc
import pytest
from services.sales.tests.place import Place

from chassis.errors import DependencyUnavailable, Invalid, NotFound
from chassis.ids import new_id
from chassis.rpc import Peer, RpcServer, ServiceIdentity
from clients.sales.client import Sales, SalesClient
from clients.sales.fake import FakeSales
from clients.sales.types import Company, Deal
from sales.main import SALES

SECRET = "s" * 32


class Asked(NamedTuple):
    """Somebody who answers, and what there is."""

    sales: Sales
    org_id: UUID
    companies: list[Company]
    deal: Deal


@pytest.fixture
async def address(place: Place) -> AsyncIterator[str]:
    """Where the service answers in this test."""
    server = RpcServer(ServiceIdentity("sales", SECRET), SALES.callers, SALES.constraints)
    SALES.serve_rpc(place.stand.runtime, server.grpc)
    port = server.grpc.add_insecure_port("127.0.0.1:0")
    await server.grpc.start()
    yield f"127.0.0.1:{port}"
    await server.grpc.stop(None)


@pytest.fixture
async def client(address: str) -> AsyncIterator[SalesClient]:
    """The client as billing uses it."""
    peer = Peer("sales", address, ServiceIdentity("billing", SECRET))
    yield SalesClient(peer)
    await peer.close()


@pytest.fixture(params=["client", "fake"])
async def asked(request: pytest.FixtureRequest, place: Place, client: SalesClient) -> Asked:
    """The same companies and deal, behind the client and in the fake."""
    address = {"line1": "Hafenstrasse 5", "postalCode": "20457", "city": "Hamburg", "country": "DE"}
    legal = {
        "legalName": "Brandt AG",
        "vatId": "DE136695976",
        "email": "office@brandt.test",
        "address": address,
    }
    brandt = await place.company("Brandt GmbH", **legal, ownerUserId=place.owner)
    havel, gone = await place.company("Havel AG"), await place.company("Gone")
    await place.contact("First", companyId=havel["id"], email="first@havel.test")
    await place.contact("Second", companyId=havel["id"], email="second@havel.test")
    await place.post(f"/companies/{gone['id']}/archive")
    contact = await place.contact(companyId=brandt["id"])
    lead = await place.lead(companyId=brandt["id"], contactId=contact["id"], ownerUserId=place.owner)
    terms = {"valueAmount": "48500.00", "expectedCloseDate": "2026-05-01"}
    made = (await place.post(f"/leads/{lead['id']}/convert-to-deal", terms)).json()
    await place.post(f"/deals/{made['id']}/mark-lost", {"reason": "too dear"})
    companies = await client.companies(place.org_id, [UUID(each["id"]) for each in (brandt, havel, gone)])
    deal = await client.deal(place.org_id, UUID(made["id"]))
    if request.param == "client":
        return Asked(client, place.org_id, companies, deal)
    fake = FakeSales()
    fake.known_companies = {(company.org_id, company.id): company for company in companies}
    fake.known_deals = {(deal.org_id, deal.id): deal}
    fake.primary_emails[UUID(havel["id"])] = "first@havel.test"
    return Asked(fake, place.org_id, companies, deal)


async def test_buyer_is_the_company_and_where_its_invoices_go(asked: Asked) -> None:
    brandt, havel, gone = asked.companies
    assert brandt.address == {
        "line1": "Hafenstrasse 5",
        "line2": None,
        "postal_code": "20457",
        "city": "Hamburg",
        "region": None,
        "country": "DE",
    }
    assert (brandt.legal_name, brandt.vat_id, brandt.version) == ("Brandt AG", "DE136695976", 1)
    found = [await asked.sales.buyer(asked.org_id, company.id) for company in asked.companies]
    assert [buyer.company for buyer in found] == [brandt, havel, gone]
    assert [buyer.invoice_email for buyer in found] == ["office@brandt.test", "first@havel.test", None]
    assert gone.archived_at is not None


async def test_companies_and_deals_by_id_leave_unknown_ones_out(asked: Asked) -> None:
    unknown = new_id()
    ids = [company.id for company in asked.companies]
    assert await asked.sales.companies(asked.org_id, [*reversed(ids), unknown]) == asked.companies
    assert await asked.sales.companies(asked.org_id, []) == []
    assert await asked.sales.deals(asked.org_id, [unknown, asked.deal.id]) == [asked.deal]


async def test_live_company_by_name_ignoring_case(asked: Asked) -> None:
    assert await asked.sales.company_named(asked.org_id, " hAVEL ag ") == asked.companies[1]
    for name in ("Gone", "Nobody", ""):
        with pytest.raises(NotFound):
            await asked.sales.company_named(asked.org_id, name)


async def test_deal_holds_what_its_readers_need(asked: Asked) -> None:
    deal = await asked.sales.deal(asked.org_id, asked.deal.id)
    assert deal == asked.deal
    assert (deal.stage, deal.lost_reason, str(deal.value)) == ("LOST", "too dear", "48500.00")
    assert (deal.company_name, deal.won_at, deal.lost_at) == ("Brandt GmbH", None, deal.updated_at)
    assert deal.lead_id is not None
    assert deal.lead_created_at == deal.created_at
    assert (str(deal.expected_close_date), deal.last_activity_at) == ("2026-05-01", deal.updated_at)


async def test_unknown_rows_and_those_of_others_are_not_found(asked: Asked) -> None:
    elsewhere = new_id()
    for org_id, row_id in ((asked.org_id, new_id()), (elsewhere, asked.companies[0].id)):
        with pytest.raises(NotFound):
            await asked.sales.buyer(org_id, row_id)
        assert await asked.sales.companies(org_id, [row_id]) == []
    with pytest.raises(NotFound):
        await asked.sales.deal(elsewhere, asked.deal.id)
    assert await asked.sales.deals(elsewhere, [asked.deal.id]) == []


async def test_batches_are_bounded(client: SalesClient) -> None:
    for ask in (client.companies, client.deals):
        with pytest.raises(Invalid):
            await ask(new_id(), [new_id()] * 501)


async def test_only_known_services_may_ask(address: str) -> None:
    for name, secret in (("identity", SECRET), ("billing", "x" * 32)):
        peer = Peer("sales", address, ServiceIdentity(name, secret))
        with pytest.raises(DependencyUnavailable) as refused:
            await SalesClient(peer).deal(new_id(), new_id())
        assert isinstance(refused.value.__cause__, grpc.aio.AioRpcError)
        await peer.close()


async def test_fake_can_be_away() -> None:
    fake = FakeSales(is_away=True)
    with pytest.raises(DependencyUnavailable):
        await fake.deals(new_id(), [])
