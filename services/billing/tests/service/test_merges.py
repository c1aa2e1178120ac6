"""Drafts follow their companies when sales merges them, and go back when that is undone; sent invoices never do."""

import asyncio
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from billing.copies import FOLLOWERS
from billing.store import invoices
from billing.usecases.invoices import WonDeal, draft_won_deal
from chassis.auth import system_actor
from chassis.context import current_work
from chassis.ids import new_id
from chassis.money import Money
from clients.sales.types import Company
from execos.platform.v1.values_pb2 import Money as MoneyMessage
from execos.platform.v1.values_pb2 import Reference
from execos.sales.v1.events_pb2 import CompanyArchived, CompanyMerged, CompanyMergeReverted, DealWon
from execos.sales.v1.snapshots_pb2 import CompanySnapshot, DealSnapshot


class Merge(NamedTuple):
    """One company that went into another one."""

    id: UUID
    merged: Company
    survivor: Company


@pytest.fixture
def of(office: Any) -> Merge:
    """The buyer goes into another company."""
    return Merge(new_id(), office.company, office.sales.add_company(office.org_id, name="Survivor"))


async def tell(office: Any, message: type[Any], of: Merge, **more: Any) -> bool:
    merged, survivor = (
        CompanySnapshot(id=str(each.id), version=5, name=each.name) for each in (of.merged, of.survivor)
    )
    said = message(merge_id=str(of.id), company=survivor, merged=merged)
    return await office.stand.deliver(said, of.survivor.id, version=5, **more)


async def win(office: Any, company: Company) -> bool:
    """A deal of that company is won."""
    deal = DealSnapshot(
        id=str(new_id()), version=1, title="Website", stage="WON",
        value=MoneyMessage(minor=5000, currency="EUR"),
        company=Reference(id=str(company.id), name=company.name),
    )  # fmt: skip
    return await office.stand.deliver(DealWon(deal=deal), deal.id)


async def where(office: Any, *invoices: Any) -> list[str]:
    """The names of the companies that these invoices are for."""
    return [(await office.read(each))["company"]["name"] for each in invoices]


async def test_drafts_follow_and_say_so(office: Any, of: Merge):
    draft, sent, void = await office.draft(), await office.sent(), await office.draft()
    await office.act(void, "void", {"reason": "not needed"})
    office.stand.clock.advance(hours=1)
    await tell(office, CompanyMerged, of)
    assert await where(office, draft, sent, void) == ["Survivor", "Buyer", "Buyer"]
    now = await office.read(draft)
    assert (now["version"], now["updatedAt"]) == (draft["version"] + 1, draft["updatedAt"])
    (fact,) = await office.stand.facts("billing.invoice.updated.v1")
    assert (str(fact.aggregate_id), fact.version) == (draft["id"], now["version"])
    assert fact.message.invoice.company == Reference(id=str(of.survivor.id), name="Survivor")
    entry = (await office.http.get(f"/api/v1/invoices/{draft['id']}/activity")).json()["items"][0]
    assert (entry["action"], entry["actor"]["kind"]) == ("UPDATE", "system")
    assert (entry["before"], entry["after"]) == (
        {"companyId": str(of.merged.id)},
        {"companyId": str(of.survivor.id)},
    )


async def test_only_drafts_that_were_moved_and_are_still_there_go_back(office: Any, of: Merge):
    other = office.sales.add_company(office.org_id, name="Other", email="other@customer.example")
    draft, given_away, sent_since = [await office.draft() for _ in range(3)]
    own = await office.draft(companyId=str(of.survivor.id))
    await tell(office, CompanyMerged, of)
    await office.change(given_away, companyId=str(other.id))
    await office.act(sent_since, "send")
    await tell(office, CompanyMergeReverted, of)
    assert await where(office, draft, given_away, sent_since, own) == [
        "Buyer",
        "Other",
        "Survivor",
        "Survivor",
    ]
    assert (await office.read(own))["version"] == own["version"]


async def test_what_is_told_again_or_too_late_changes_nothing(office: Any, of: Merge):
    draft, event_id = await office.draft(), new_id()
    assert await tell(office, CompanyMerged, of, event_id=event_id)
    assert not await tell(office, CompanyMerged, of, event_id=event_id)
    for message in (CompanyMerged, CompanyMergeReverted, CompanyMergeReverted, CompanyMerged):
        await tell(office, message, of)
    early = Merge(new_id(), of.merged, of.survivor)
    await tell(office, CompanyMergeReverted, early)
    await tell(office, CompanyMerged, early)
    assert await where(office, draft) == ["Buyer"]
    assert (await office.read(draft))["version"] == draft["version"] + 2


async def test_draft_of_a_deal_won_before_the_merge_and_heard_of_after_it(office: Any, of: Merge):
    await office.policies()
    await tell(office, CompanyMerged, of)
    await win(office, of.merged)
    (draft,) = (await office.http.get("/api/v1/invoices")).json()["items"]
    assert draft["company"]["name"] == "Survivor"
    assert await office.told() == ["invoice.created", "invoice.updated"]
    await tell(office, CompanyMergeReverted, of)
    assert await where(office, draft) == ["Buyer"]


async def test_draft_that_is_made_while_the_merge_is_heard_of(office: Any, of: Merge):
    await office.policies()
    deal = WonDeal(new_id(), "Website", of.merged.id, Money(5000, "EUR"))
    async with office.stand.runtime.source.tx(system_actor(office.org_id)) as tx:
        await draft_won_deal(tx, deal)
        await FOLLOWERS.catch_up(tx, deal.company_id)
        heard = asyncio.create_task(tell(office, CompanyMerged, of))
        await office.until_waiting(1)
    await heard
    (draft,) = (await office.http.get("/api/v1/invoices")).json()["items"]
    assert draft["company"]["name"] == "Survivor"


async def test_links_of_a_chain_at_the_same_time(office: Any, of: Merge):
    end = office.sales.add_company(office.org_id, name="End")
    drafts = [await office.draft(), await office.draft(companyId=str(of.survivor.id))]
    both = [of, Merge(new_id(), of.survivor, end)]
    async with office.stand.runtime.source.tx(system_actor(office.org_id)) as tx:
        await invoices.get(tx.session, office.org_id, UUID(drafts[1]["id"]))
        second = asyncio.create_task(tell(office, CompanyMerged, both[1]))
        await office.until_waiting(1)
        first = asyncio.create_task(tell(office, CompanyMerged, both[0]))
        await asyncio.wait([first], timeout=0.3)
    await asyncio.gather(first, second)
    assert await where(office, *drafts) == ["End", "End"]
    for each in both:  # the older one first
        await tell(office, CompanyMergeReverted, each)
    assert await where(office, *drafts) == ["Buyer", "Survivor"]


async def test_another_organisation_has_its_own_merges(office: Any, of: Merge):
    draft = await office.draft()
    await tell(office, CompanyMerged, of, org_id=new_id())
    assert await where(office, draft) == ["Buyer"]


async def test_statements_do_not_grow_with_the_drafts(office: Any, of: Merge):
    counts = []
    for count in (2, 9):
        for _ in range(count):
            await office.draft()
        again = Merge(new_id(), of.merged, of.survivor)
        counts.append(
            [await statements_of(office, each, again) for each in (CompanyMerged, CompanyMergeReverted)]
        )
    assert counts[0] == counts[1]


async def statements_of(office: Any, message: type[Any], of: Merge) -> int:
    """How many statements hearing of it takes."""
    await tell(office, message, of)
    work = current_work()
    assert work is not None
    return work.statements


async def test_new_invoices_are_for_live_companies_and_say_where_a_merged_one_is(office: Any, of: Merge):
    draft = await office.draft()
    other = await office.draft(companyId=str(of.survivor.id))
    away = {"name": "Buyer", "version": 4, "archived_at": office.stand.clock.now}
    gone = office.sales.add_company(office.org_id, of.merged.id, **away)
    archived = CompanySnapshot(id=str(gone.id), version=4, name="Buyer")
    archived.archived_at.FromDatetime(office.stand.clock.now)
    await office.stand.deliver(CompanyArchived(company=archived), gone.id, version=4)
    kept = await office.change(draft, companyId=str(gone.id), notes="Still here")
    assert (kept["companyId"], kept["notes"]) == (str(gone.id), "Still here")
    body = {"companyId": str(gone.id), "amount": "10.00", "dueDate": draft["dueDate"]}
    refused = await office.http.post("/api/v1/invoices", json=body)
    assert (refused.status_code, refused.json()["error"]["details"]) == (400, {"field": "companyId"})
    archived.version = 5
    said = CompanyMerged(
        merge_id=str(of.id),
        company=CompanySnapshot(id=str(of.survivor.id), version=5, name="Survivor"),
        merged=archived,
    )
    await office.stand.deliver(said, of.survivor.id, version=5)
    for answer in (
        await office.http.post("/api/v1/invoices", json=body),
        await office.http.patch(f"/api/v1/invoices/{other['id']}", json={"companyId": str(gone.id)}),
    ):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "BAD_REQUEST")
        assert error["details"] == {"field": "companyId", "mergedIntoId": str(of.survivor.id)}
