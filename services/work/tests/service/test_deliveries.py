"""What won and lost deals mean for work."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from services.work.tests.place import NOON, Json, Place, snapshot_of
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from chassis.ids import new_id
from clients.sales.types import Deal
from execos.sales.v1.events_pb2 import DealLost, DealReopened, DealWon
from work.domain.items import WorkItem


async def tell(place: Place, message: type[Any], deal: Deal, **more: Any) -> bool:
    """Let work receive what happened to a deal."""
    return await place.stand.deliver(message(deal=snapshot_of(deal)), deal.id, version=deal.version, **more)


async def deliveries(place: Place) -> list[Json]:
    """The items that deliver something."""
    items = (await place.api.get("/api/v1/work-items")).json()["items"]
    return [item for item in items if item["kind"] == "delivery"]


@pytest.fixture
async def deal(place: Place) -> Deal:
    """A deal that has just been won, in an organisation that is known here."""
    await place.set_policies()
    close = NOON.date() + timedelta(days=20)
    company = place.sales.add_company(place.org_id, name="Acme Boats")
    return place.sales.add_deal(
        place.org_id, company, title="Jetty", stage="WON", version=3, expected_close_date=close
    )


async def test_won_deal_is_to_be_delivered(place: Place, deal: Deal) -> None:
    await tell(place, DealWon, deal)
    [item] = await deliveries(place)
    assert (item["title"], item["status"], item["priority"]) == ("Deliver: Jetty", "TODO", 2)
    assert (item["dueDate"], item["assignedToUser"]) == (place.day(20), None)
    assert item["createdByUser"] == {"id": None, "name": "Execos", "email": None, "kind": "system"}
    assert item["deal"] == {"id": str(deal.id), "title": "Jetty", "stage": "WON"}
    assert item["company"] == {"id": str(deal.company_id), "name": "Acme Boats"}
    [fact] = await place.stand.facts()
    assert (fact.type, fact.message.item.kind) == ("work.item.created.v1", "delivery")
    assert (fact.message.item.deal.id, fact.message.item.company.name) == (str(deal.id), "Acme Boats")
    assert not fact.message.item.HasField("created_by_user_id")
    assert await place.stand.actions(item["id"]) == ["CREATE"]


async def test_deal_is_delivered_once_however_often_it_is_won(place: Place, deal: Deal) -> None:
    event_id = new_id()
    same = [tell(place, DealWon, deal, event_id=event_id) for _ in range(3)]
    others = [tell(place, DealWon, replace(deal, version=3 + number)) for number in range(3)]
    await asyncio.gather(*same, *others)
    reopened = replace(deal, version=9, stage="OPEN")
    await tell(place, DealReopened, reopened)
    await tell(place, DealWon, replace(deal, version=10))
    assert len(await deliveries(place)) == 1
    assert len(await place.stand.facts()) == 1


async def test_database_itself_refuses_a_second_delivery(place: Place, deal: Deal) -> None:
    await tell(place, DealWon, deal)
    columns = WorkItem.__table__.c
    async with place.stand.runtime.source.database.session(place.org_id) as session:
        row = (await session.execute(WorkItem.__table__.select().where(columns.org_id == place.org_id))).one()
        with pytest.raises(IntegrityError, match="uq_work_item_delivery"):
            await session.execute(insert(WorkItem).values(**row._asdict() | {"id": new_id()}))


async def test_other_items_of_the_deal_do_not_count(place: Place, deal: Deal) -> None:
    await place.item(dealId=str(deal.id))
    await tell(place, DealWon, deal)
    assert len(await deliveries(place)) == 1


async def test_delivery_may_be_due_in_the_past(place: Place, deal: Deal) -> None:
    await tell(place, DealWon, replace(deal, expected_close_date=NOON.date() - timedelta(days=3)))
    [item] = await deliveries(place)
    assert (item["dueDate"], item["isOverdue"]) == (place.day(-3), True)


@pytest.mark.parametrize(("is_required", "offset"), [(True, 3), (False, None)])
async def test_delivery_without_a_close_date(
    place: Place, deal: Deal, *, is_required: bool, offset: int | None
) -> None:
    await place.set_policies(require_work_due_date=is_required)
    await tell(place, DealWon, replace(deal, expected_close_date=None))
    [item] = await deliveries(place)
    assert item["dueDate"] == (None if offset is None else place.day(offset))
    assert ("AUTO_DUE_DATE_SET" in await place.stand.actions(item["id"])) == is_required


async def test_no_delivery_when_the_policy_says_so(place: Place, deal: Deal) -> None:
    await place.set_policies(auto_work_item_on_deal_won=False)
    await tell(place, DealWon, deal)
    assert await deliveries(place) == []
    await place.set_policies(auto_work_item_on_deal_won=True)
    await tell(place, DealWon, replace(deal, version=4))
    assert len(await deliveries(place)) == 1


async def test_no_delivery_while_the_module_is_off(place: Place, deal: Deal) -> None:
    on = place.identity.known_organisations[place.org_id].modules
    await place.set_organisation(modules=on - {"work"})
    await tell(place, DealWon, deal)
    await place.set_organisation(modules=on)
    assert await deliveries(place) == []
    await tell(place, DealWon, replace(deal, version=4))
    assert len(await deliveries(place)) == 1


async def test_deal_of_an_unknown_organisation_is_tried_again(place: Place) -> None:
    deal = place.sales.add_deal(place.org_id, stage="WON")
    event_id = new_id()
    with pytest.raises(Exception, match=str(place.org_id)):
        await tell(place, DealWon, deal, event_id=event_id)
    assert await deliveries(place) == []
    await place.set_policies()
    assert await tell(place, DealWon, deal, event_id=event_id)
    assert len(await deliveries(place)) == 1


async def test_lost_deal_keeps_its_delivery_and_says_so(place: Place, deal: Deal) -> None:
    await tell(place, DealWon, deal)
    [item] = await deliveries(place)
    await tell(place, DealLost, replace(deal, version=5, stage="LOST", lost_reason="No budget"))
    [still] = await deliveries(place)
    assert still == item | {"deal": item["deal"] | {"stage": "LOST"}}
    entries = (await place.api.get(f"/api/v1/work-items/{item['id']}/activity")).json()["items"]
    [entry] = [entry for entry in entries if entry["action"] == "DEAL_LOST"]
    assert entry["after"] == {"dealId": str(deal.id), "lostReason": "No budget"}
    assert entry["actor"] == {"id": None, "name": "Execos", "email": None, "kind": "system"}


async def test_lost_deal_without_a_delivery_changes_nothing(place: Place, deal: Deal) -> None:
    await tell(place, DealLost, replace(deal, stage="LOST"))
    assert await place.stand.facts() == []


async def test_delivery_stays_with_its_deal(place: Place, deal: Deal) -> None:
    await tell(place, DealWon, deal)
    [item] = await deliveries(place)
    other = place.sales.add_deal(place.org_id)
    owner = str(place.member.id)
    for deal_id in (None, str(other.id)):
        answer = await place.patch(item, dealId=deal_id, companyId=None, assignedToUserId=owner)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
    assert (await place.patch(item, title="Build the jetty", assignedToUserId=owner)).status_code == 200


async def test_delivery_of_an_unassigned_item_can_be_completed(place: Place, deal: Deal) -> None:
    await tell(place, DealWon, deal)
    [item] = await deliveries(place)
    assert (await place.act(item, "complete")).json()["status"] == "DONE"
    assert await place.told(item) == ["item.created", "item.completed"]
