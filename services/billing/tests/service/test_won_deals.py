"""A won deal becomes one draft, when the organisation wants that."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.errors import UniqueViolation

from billing.usecases.invoices import WonDeal, draft_won_deal
from chassis.auth import system_actor
from chassis.ids import new_id
from chassis.money import Money
from clients.sales.types import Deal
from execos.platform.v1.values_pb2 import Money as MoneyMessage
from execos.platform.v1.values_pb2 import Reference
from execos.sales.v1.events_pb2 import CompanyCreated, DealUpdated, DealWon
from execos.sales.v1.snapshots_pb2 import CompanySnapshot, DealSnapshot


def snapshot(deal: Deal) -> DealSnapshot:
    return DealSnapshot(
        id=str(deal.id),
        version=deal.version,
        title=deal.title,
        stage="WON",
        value=MoneyMessage(minor=deal.value.minor, currency=deal.value.currency) if deal.value else None,
        company=Reference(id=str(deal.company_id), name=deal.company_name),
    )


async def win(office: Any, deal: Deal, **more: Any) -> bool:
    return await office.stand.deliver(DealWon(deal=snapshot(deal)), deal.id, **more)


async def drafts(office: Any) -> list[dict[str, Any]]:
    return (await office.http.get("/api/v1/invoices")).json()["items"]


async def won(office: Any, **values: Any) -> Deal:
    deal = {"title": "Website", "value": Money(1_250_000, "EUR"), "stage": "WON"} | values
    return office.sales.add_deal(office.org_id, office.company, **deal)


async def test_won_deal_makes_a_draft(office: Any):
    await office.policies()
    office.stand.clock.now = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)  # July in Berlin
    deal = await won(office)
    await win(office, deal)
    (draft,) = await drafts(office)
    assert (draft["amount"], draft["currency"], draft["status"]) == ("12500.00", "EUR", "DRAFT")
    assert (draft["issueDate"], draft["dueDate"]) == ("2026-07-01", "2026-07-31")
    assert draft["deal"] == {"id": str(deal.id), "title": "Website"}
    assert draft["company"] == {"id": str(office.company.id), "name": "Buyer"}
    assert draft["createdByUser"] == {"id": None, "name": "Execos", "email": None, "kind": "system"}
    assert [line["description"] for line in (await office.read(draft))["lines"]] == ["Website"]
    assert await office.told() == ["invoice.created"]
    assert (await office.act(draft, "send"))["status"] == "SENT"


async def test_terms_are_a_fortnight_without_legal_data(office: Any):
    office.identity.add_organisation(office.org_id, legal=None, time_zone="UTC")
    await office.policies()
    office.stand.clock.now = datetime(2026, 6, 1, tzinfo=UTC)
    await win(office, await won(office))
    assert (await drafts(office))[0]["dueDate"] == "2026-06-15"


async def test_won_twice_makes_one_draft(office: Any):
    await office.policies()
    deal, event_id = await won(office), new_id()
    assert await win(office, deal, event_id=event_id)
    assert not await win(office, deal, event_id=event_id)
    await win(office, deal, version=5)  # reopened and won again
    assert len(await drafts(office)) == 1


async def test_won_at_the_same_time_makes_one_draft(office: Any):
    await office.policies()
    deal = await won(office)
    async with office.stand.runtime.source.tx(system_actor(office.org_id)) as tx:
        await draft_won_deal(tx, WonDeal(deal.id, deal.title, deal.company_id, deal.value))
        other = asyncio.create_task(win(office, deal))
        await office.until_waiting(1)
    with pytest.raises(UniqueViolation, match="uq_invoice_won_deal"):
        await other
    await win(office, deal)  # as the consumer does when it is given the fact again
    assert len(await drafts(office)) == 1


async def test_deal_without_value_or_policy_makes_none(office: Any):
    await office.policies()
    await win(office, await won(office, value=None))
    await win(office, await won(office, value=Money(0, "EUR")))
    await office.policies(create_invoice_on_deal_won=False)
    await win(office, await won(office))
    assert await drafts(office) == []


async def test_no_draft_while_the_module_is_off(office: Any):
    await office.policies()
    on = office.identity.known_organisations[office.org_id].modules
    await office.organisation(modules=on - {"billing"})
    deal = await won(office)
    await win(office, deal)
    await office.organisation(modules=on)
    assert await drafts(office) == []
    await win(office, deal)
    assert len(await drafts(office)) == 1


async def test_names_follow_sales(office: Any):
    deal = office.sales.add_deal(office.org_id, office.company, title="Old")
    draft = await office.draft(dealId=str(deal.id))
    renamed = CompanySnapshot(id=str(office.company.id), version=9, name="New name")
    await office.stand.deliver(CompanyCreated(company=renamed), office.company.id, version=9)
    title = DealSnapshot(
        id=str(deal.id), version=9, title="New", stage="OPEN",
        company=Reference(id=str(office.company.id), name="New name"),
    )  # fmt: skip
    await office.stand.deliver(DealUpdated(deal=title), deal.id, version=9)
    now = await office.read(draft)
    assert (now["company"]["name"], now["deal"]["title"]) == ("New name", "New")
