"""Items follow their companies when sales merges them, and go back when that is undone."""

import asyncio
from itertools import permutations
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from services.work.tests.place import Json, Place, snapshot_of
from sqlalchemy import text

from chassis.auth import system_actor
from chassis.context import current_work
from chassis.ids import new_id
from clients.sales.types import Company
from execos.sales.v1.events_pb2 import CompanyMerged, CompanyMergeReverted, DealWon
from execos.sales.v1.snapshots_pb2 import CompanySnapshot
from work.domain.items import NewItem, WorkItem
from work.store import items
from work.usecases.items import create_item

SYSTEM = {"id": None, "name": "Execos", "email": None, "kind": "system"}


class Merge(NamedTuple):
    """One company that went into another one."""

    id: UUID
    merged: Company
    survivor: Company


@pytest.fixture
async def companies(place: Place) -> list[Company]:
    """Three companies, in an organisation that is known here."""
    await place.set_policies()
    return [place.sales.add_company(place.org_id, name=name) for name in ("Acme", "Boats", "Cranes")]


def merge(merged: Company, survivor: Company) -> Merge:
    """A new merge."""
    return Merge(new_id(), merged, survivor)


async def tell(place: Place, message: type[Any], of: Merge, **more: Any) -> bool:
    """Let work receive what happened to two companies."""
    both = {"company": snapshot(place, of.survivor), "merged": snapshot(place, of.merged)}
    return await place.stand.deliver(message(merge_id=str(of.id), **both), of.survivor.id, version=5, **more)


def snapshot(place: Place, company: Company) -> CompanySnapshot:
    """A company as sales tells it with a merge."""
    message = CompanySnapshot(id=str(company.id), version=5, name=company.name)
    message.created_at.FromDatetime(place.stand.clock.now)
    message.updated_at.FromDatetime(place.stand.clock.now)
    if company.archived_at:
        message.archived_at.FromDatetime(company.archived_at)
    return message


async def where(place: Place, *wanted: Json) -> list[str]:
    """The names of the companies that these items are of."""
    return [(await place.read(item))["company"]["name"] for item in wanted]


async def test_items_follow_and_say_so(place: Place, companies: list[Company]) -> None:
    acme, boats, cranes = companies
    [item, done, other] = [await place.item(companyId=str(each.id)) for each in (acme, acme, cranes)]
    await place.act(done, "complete")
    place.stand.clock.advance(hours=1)
    assert await tell(place, CompanyMerged, merge(acme, boats))
    shown = await place.read(item)
    assert shown["company"] == {"id": str(boats.id), "name": "Boats"}
    assert (shown["version"], shown["updatedAt"]) == (item["version"] + 1, item["updatedAt"])
    assert await where(place, done, other) == ["Boats", "Cranes"]
    fact = (await place.stand.facts("work.item.updated.v1"))[0]
    assert (fact.aggregate_id, fact.version, fact.message.item.company.id) == (
        UUID(item["id"]),
        shown["version"],
        str(boats.id),
    )
    [entry, *_] = (await place.api.get(f"/api/v1/work-items/{item['id']}/activity")).json()["items"]
    assert (entry["action"], entry["actor"]) == ("UPDATE", SYSTEM)
    assert (entry["before"], entry["after"]) == ({"companyId": str(acme.id)}, {"companyId": str(boats.id)})


async def test_only_what_was_moved_and_is_still_there_goes_back(
    place: Place, companies: list[Company]
) -> None:
    acme, boats, cranes = companies
    [item, taken_away, own] = [await place.item(companyId=str(each.id)) for each in (acme, acme, boats)]
    of = merge(acme, boats)
    await tell(place, CompanyMerged, of)
    assert (await place.patch(taken_away, companyId=str(cranes.id))).status_code == 200
    await tell(place, CompanyMergeReverted, of)
    assert await where(place, item, taken_away, own) == ["Acme", "Cranes", "Boats"]
    assert await place.told(item) == ["item.created", "item.assigned", "item.updated", "item.updated"]
    assert await place.told(own) == ["item.created", "item.assigned"]


async def test_what_is_told_again_changes_nothing(place: Place, companies: list[Company]) -> None:
    acme, boats, _ = companies
    item = await place.item(companyId=str(acme.id))
    of, event_id = merge(acme, boats), new_id()
    assert await tell(place, CompanyMerged, of, event_id=event_id)
    assert not await tell(place, CompanyMerged, of, event_id=event_id)
    await tell(place, CompanyMergeReverted, of)
    await tell(place, CompanyMergeReverted, of)
    await tell(place, CompanyMerged, of)  # replayed under another id
    assert await where(place, item) == ["Acme"]
    assert (await place.read(item))["version"] == item["version"] + 2


def story(chain: list[Merge], undone: int) -> list[tuple[type[Any], Merge]]:
    """What sales tells of merges one after the other, of which so many were undone, the last one first."""
    undoings: list[tuple[type[Any], Merge]] = [(CompanyMergeReverted, each) for each in reversed(chain)]
    return [(CompanyMerged, each) for each in chain] + undoings[:undone]


def orders(count: int) -> list[tuple[int, ...]]:
    """In which orders that many facts may arrive; of four, every third of all."""
    return list(permutations(range(count)))[:: 3 if count > 3 else 1]


@pytest.mark.parametrize("undone", [0, 1, 2])
async def test_chain_ends_in_the_same_place_in_any_order(
    place: Place, companies: list[Company], *, undone: int
) -> None:
    acme, boats, cranes = companies
    expected = {0: ["Cranes"] * 3, 1: ["Boats", "Boats", "Cranes"], 2: ["Acme", "Boats", "Cranes"]}
    for order in orders(2 + undone):
        chain = [merge(acme, boats), merge(boats, cranes)]
        said = story(chain, undone)
        mine = [await place.item(companyId=str(each.id)) for each in companies]
        for step in order:
            await tell(place, *said[step])
        assert await where(place, *mine) == expected[undone], order
        for each in chain:
            await tell(place, CompanyMergeReverted, each)
        assert await where(place, *mine) == ["Acme", "Boats", "Cranes"], order


async def test_merged_the_other_way_round_before_the_undoing_is_heard(
    place: Place, companies: list[Company]
) -> None:
    acme, boats, _ = companies
    mine = [await place.item(companyId=str(each.id)) for each in (acme, boats)]
    first, second = merge(acme, boats), merge(boats, acme)
    await tell(place, CompanyMerged, first)
    await tell(place, CompanyMerged, second)
    await tell(place, CompanyMergeReverted, first)
    assert await where(place, *mine) == ["Acme", "Acme"]
    await tell(place, CompanyMergeReverted, second)
    assert await where(place, *mine) == ["Acme", "Boats"]


async def test_merged_elsewhere_before_the_undoing_is_heard(place: Place, companies: list[Company]) -> None:
    acme, boats, cranes = companies
    for is_newer_first in (False, True):
        item = await place.item(companyId=str(acme.id))
        merges = [merge(acme, boats), merge(acme, cranes)]
        for each in reversed(merges) if is_newer_first else merges:
            await tell(place, CompanyMerged, each)
        assert await where(place, item) == ["Cranes"]
        for each, expected in zip(merges, ("Cranes", "Acme"), strict=True):
            await tell(place, CompanyMergeReverted, each)
            assert await where(place, item) == [expected]


async def test_company_that_was_chosen_since_is_the_one_to_come_back_to(
    place: Place, companies: list[Company]
) -> None:
    acme, boats, cranes = companies
    item, of = await place.item(companyId=str(acme.id)), merge(cranes, boats)
    await tell(place, CompanyMerged, merge(acme, boats))
    assert (await place.patch(item, companyId=str(cranes.id))).status_code == 200
    await tell(place, CompanyMerged, of)
    assert await where(place, item) == ["Boats"]
    await tell(place, CompanyMergeReverted, of)
    assert await where(place, item) == ["Cranes"]


async def test_delivery_of_a_deal_won_before_the_merge_and_heard_of_after_it(
    place: Place, companies: list[Company]
) -> None:
    acme, boats, _ = companies
    of, deal = merge(acme, boats), place.sales.add_deal(place.org_id, acme, stage="WON")
    await tell(place, CompanyMerged, of)
    await place.stand.deliver(DealWon(deal=snapshot_of(deal)), deal.id)
    [item] = (await place.api.get("/api/v1/work-items")).json()["items"]
    assert (item["company"]["name"], await place.told(item)) == ("Boats", ["item.created", "item.updated"])
    await tell(place, CompanyMergeReverted, of)
    assert await where(place, item) == ["Acme"]


async def test_another_organisation_has_its_own_merges(place: Place, companies: list[Company]) -> None:
    acme, boats, _ = companies
    item = await place.item(companyId=str(acme.id))
    await tell(place, CompanyMerged, merge(acme, boats), org_id=new_id())
    assert await where(place, item) == ["Acme"]


async def test_change_at_the_same_time_is_not_lost(place: Place, companies: list[Company]) -> None:
    acme, boats, cranes = companies
    item = await place.item(companyId=str(acme.id))
    async with place.stand.runtime.source.tx(system_actor(place.org_id)) as tx:
        held: WorkItem = await items.get(tx.session, place.org_id, UUID(item["id"]))
        told = asyncio.create_task(tell(place, CompanyMerged, merge(acme, boats)))
        await asyncio.wait([told], timeout=0.3)
        assert not told.done()
        held.company_id = cranes.id
        tx.record(held, "UPDATE")
    await told
    assert (await place.read(item))["companyId"] == str(cranes.id)


async def test_statements_do_not_grow_with_the_items(place: Place, companies: list[Company]) -> None:
    acme, boats, cranes = companies
    chain = [merge(acme, boats), merge(boats, cranes)]
    for each in chain:  # what is known of merges costs the same the second time
        await tell(place, CompanyMerged, each)
        await tell(place, CompanyMergeReverted, each)
    counts: list[list[int]] = []
    for count in (2, 9):
        for _ in range(count):
            await place.item(companyId=str(acme.id))
        said = story([merge(acme, boats), merge(boats, cranes)], undone=2)
        counts.append([await statements_of(place, *each) for each in said])
    assert counts[0] == counts[1]


async def statements_of(place: Place, message: type[Any], of: Merge) -> int:
    """How many statements hearing of it takes."""
    await tell(place, message, of)
    work = current_work()
    assert work is not None
    return work.statements


def put_away(place: Place, company: Company, **values: Any) -> Company:
    """The company as sales has it once it is archived, or as told."""
    values = {"name": company.name, "version": 4, "archived_at": place.stand.clock.now} | values
    return place.sales.add_company(place.org_id, company.id, **values)


async def test_new_items_are_of_live_companies_and_say_where_a_merged_one_is(
    place: Place, companies: list[Company]
) -> None:
    acme, boats, cranes = companies
    [item, other] = [await place.item(companyId=str(each.id)) for each in (acme, cranes)]
    gone = put_away(place, acme)
    await tell(place, CompanyMerged, merge(gone, boats))
    for answer in (
        await place.api.post("/api/v1/work-items", json=place.body(companyId=str(acme.id))),
        await place.patch(other, companyId=str(acme.id)),
    ):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "BAD_REQUEST")
        assert error["details"] == {"field": "companyId", "mergedIntoId": str(boats.id)}
    await tell(place, CompanyMerged, merge(put_away(place, boats), cranes))
    answer = await place.api.post("/api/v1/work-items", json=place.body(companyId=str(acme.id)))
    assert answer.json()["error"]["details"]["mergedIntoId"] == str(cranes.id)
    assert await where(place, item, other) == ["Cranes", "Cranes"]


async def test_archived_company_gets_nothing_new_until_sales_says_otherwise(
    place: Place, companies: list[Company]
) -> None:
    acme = companies[0]
    put_away(place, acme)
    answer = await place.api.post("/api/v1/work-items", json=place.body(companyId=str(acme.id)))
    assert (answer.status_code, answer.json()["error"]["details"]) == (400, {"field": "companyId"})
    put_away(place, acme, version=5, archived_at=None)  # restored; the fact is on its way
    item = await place.item(companyId=str(acme.id))
    put_away(place, acme, version=6)
    await tell(place, CompanyMergeReverted, merge(put_away(place, acme, version=6), companies[1]))
    kept = await place.patch(item, companyId=str(acme.id), title="Still here")
    assert (kept.status_code, kept.json()["title"]) == (200, "Still here")


async def test_item_that_is_being_written_during_a_merge_does_not_stay_behind(
    place: Place, companies: list[Company]
) -> None:
    acme, boats, _ = companies
    await place.item(companyId=str(acme.id))
    async with place.stand.runtime.source.tx(system_actor(place.org_id)) as tx:
        await create_item(
            tx,
            NewItem(
                title="Late", company_id=acme.id, assigned_to_user_id=UUID(place.body()["assignedToUserId"])
            ),
        )
        telling = asyncio.ensure_future(tell(place, CompanyMerged, merge(put_away(place, acme), boats)))
        async with asyncio.timeout(2), place.stand.runtime.system.session(None) as watch:
            while not await watch.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    await telling
    items = (await place.api.get("/api/v1/work-items")).json()["items"]
    assert {each["title"]: each["company"]["name"] for each in items}["Late"] == "Boats"
