"""Lists: filters, orders, pages, and what is due on the organisation's day."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from services.work.tests.place import LENIENT, Place
from sqlalchemy import bindparam, select, update

from chassis.auth import system_actor
from chassis.clock import business_day
from chassis.queries import Lookup
from work.domain.due import business_day_of
from work.domain.items import WorkItem


async def test_page_has_counts(place: Place) -> None:
    for number in range(5):
        await place.item(title=f"Item {number}")
        place.stand.clock.advance(seconds=1)
    answer = await place.api.get("/api/v1/work-items", params={"page": 2, "pageSize": 2})
    page = answer.json()
    assert [item["title"] for item in page["items"]] == ["Item 2", "Item 1"]
    assert {name: page[name] for name in ("page", "pageSize", "totalCount", "total")} == {
        "page": 2, "pageSize": 2, "totalCount": 5, "total": 5,
    }  # fmt: skip


async def test_listed_item_is_shown_as_when_read(place: Place) -> None:
    deal = place.sales.add_deal(place.org_id)
    item = await place.item(dealId=str(deal.id), companyId=str(deal.company_id))
    assert (await place.api.get("/api/v1/work-items")).json()["items"] == [item]


async def test_cursor_goes_through_every_item_once(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    for number in range(7):
        await place.item(title=f"Item {number}", dueDate=place.day(number // 2) if number % 3 else None)
    for sort_by in ("createdAt", "dueDate", "status", "priority", "title"):
        for sort_dir in ("asc", "desc"):
            order = {"sortBy": sort_by, "sortDir": sort_dir}
            seen: list[str] = []
            cursor: str | None = ""
            while cursor is not None:
                page = (
                    await place.api.get("/api/v1/work-items", params=order | {"cursor": cursor, "limit": 2})
                ).json()
                seen += [item["title"] for item in page["items"]]
                cursor = page["nextCursor"]
            assert seen == await place.titles(pageSize=100, **order)
            assert len(set(seen)) == 7


async def test_filters(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    deal = place.sales.add_deal(place.org_id)
    await place.item(title="theirs", status="BLOCKED", companyId=str(deal.company_id))
    await place.item(title="mine", assignedToUserId=str(place.stand.user_id), dealId=str(deal.id))
    await place.item(title="nobody's", assignedToUserId=None, description="100%_sure")
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"theirs", "mine", "nobody's"}),
        ({"status": "BLOCKED"}, {"theirs"}),
        ({"status": "DONE"}, set()),
        ({"assignedTo": str(place.member.id)}, {"theirs"}),
        ({"assignedTo": "me"}, {"mine"}),
        ({"assignedTo": "none"}, {"nobody's"}),
        ({"assignedTo": str(uuid4())}, set()),
        ({"dealId": str(deal.id)}, {"mine"}),
        ({"companyId": str(deal.company_id)}, {"theirs"}),
        ({"q": "HEI"}, {"theirs"}),
        ({"q": "0%_s"}, {"nobody's"}),
        ({"q": "%"}, {"nobody's"}),
        ({"q": "_"}, {"nobody's"}),
        ({"q": "\\"}, set()),
        ({"q": ""}, {"theirs", "mine", "nobody's"}),
        ({"status": "TODO", "assignedTo": "me", "q": "i"}, {"mine"}),
        ({"due": "all"}, {"theirs", "mine", "nobody's"}),
    ]
    for query, expected in cases:
        assert set(await place.titles(**query)) == expected, query


async def test_due_windows(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    await place.item(title="undated")
    for offset in (0, 1, 2, 6 + 2, 7 + 2):
        await place.item(title=f"in {offset - 2}", dueDate=place.day(offset))
    await place.item(title="done late", dueDate=place.day(0), status="DONE")
    place.stand.clock.advance(days=2)
    assert set(await place.titles(due="overdue")) == {"in -2", "in -1"}
    assert set(await place.titles(due="today")) == {"in 0"}
    assert set(await place.titles(due="week")) == {"in 0", "in 6"}
    items = (await place.api.get("/api/v1/work-items")).json()["items"]
    assert {item["title"] for item in items if item["isOverdue"]} == {"in -2", "in -1"}


@pytest.mark.parametrize(("zone", "overdue"), [
    ("Pacific/Kiritimati", {"today", "yesterday"}), ("UTC", {"yesterday"}), ("Pacific/Pago_Pago", set()),
])  # fmt: skip
async def test_overdue_follows_the_organisations_day(place: Place, zone: str, overdue: set[str]) -> None:
    place.identity.add_organisation(place.org_id, time_zone=zone, policies=LENIENT)
    place.stand.clock.now = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)
    await place.item(title="yesterday", dueDate="2026-03-09")
    await place.item(title="today", dueDate="2026-03-10")
    place.stand.clock.now = datetime(2026, 3, 10, 10, 30, tzinfo=UTC)  # the 11th at +14, still the 9th at -11
    assert set(await place.titles(due="overdue")) == overdue


async def test_day_of_the_database_is_the_day_of_the_house(place: Place) -> None:
    now, zone = bindparam("now", type_=WorkItem.created_at.type), bindparam("zone", type_=WorkItem.title.type)
    day = Lookup(select(business_day_of(now, zone).label("day")))
    zones = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Pacific/Apia",
        "Australia/Lord_Howe",
    ]
    start = datetime(2026, 3, 28, tzinfo=UTC)
    async with place.stand.runtime.source.reading(system_actor(place.org_id)) as reading:
        for zone_name in zones:
            for hours in range(0, 24 * 14, 5):
                instant = start + timedelta(hours=hours, minutes=59)
                [row] = await reading.rows(day, now=instant, zone=zone_name)
                assert row.day == business_day(instant, zone_name)


async def test_orders(place: Place) -> None:
    await place.item(title="B", status="DONE", priority=3, dueDate=place.day(1))
    await place.item(title="a", status="BLOCKED", priority=1, dueDate=place.day(3))
    await place.item(title="c", status="TODO", priority=2, dueDate=place.day(2))
    assert await place.titles(sortBy="title", sortDir="asc") == ["a", "B", "c"]
    assert await place.titles(sortBy="status", sortDir="asc") == ["c", "a", "B"]
    assert await place.titles(sortBy="priority", sortDir="asc") == ["a", "c", "B"]
    assert await place.titles(sortBy="dueDate") == ["a", "c", "B"]


@pytest.mark.parametrize("query", [
    {"sortBy": "description"}, {"sortDir": "up"}, {"status": "todo"}, {"assignedTo": "you"}, {"due": "soon"},
    {"dealId": "x"}, {"companyId": ""}, {"pageSize": 101}, {"pageSize": 0}, {"page": 0}, {"cursor": "x"},
    {"owner": "me"}, {"q": "x" * 201}, {"q": "a\x00"}, {"archived": "perhaps"},
])  # fmt: skip
async def test_bad_query_is_refused(place: Place, query: dict[str, Any]) -> None:
    answer = await place.api.get("/api/v1/work-items", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert [each["field"] for each in answer.json()["error"]["details"]] == list(query)


async def test_archived_items_are_listed_on_demand(place: Place) -> None:
    item = await place.item()
    async with place.stand.runtime.source.database.session(place.org_id) as session:
        await session.execute(update(WorkItem).values(archived_at=place.stand.clock.now))
        await session.commit()
    assert await place.titles() == []
    assert await place.titles(archived="true") == [item["title"]]
    assert (await place.read(item))["archivedAt"] is not None


async def test_list_is_one_statement_whatever_its_size(place: Place) -> None:
    deal = place.sales.add_deal(place.org_id)
    for _ in range(6):
        await place.item(dealId=str(deal.id), companyId=str(deal.company_id))
    queries: list[dict[str, Any]] = [
        {"pageSize": 1},
        {"pageSize": 100},
        {"due": "week"},
        {"cursor": "", "limit": 3},
    ]
    for query in queries:
        answer = await place.api.get("/api/v1/work-items", params=query)
        assert "db;desc=1" in answer.headers["server-timing"].replace('"', ""), query


async def test_list_of_another_organisation_is_empty(place: Place) -> None:
    item = await place.item()
    strangers = place.identity.add_organisation(uuid4()).id
    async with place.stand.client(org_id=strangers) as stranger:
        assert (await stranger.get("/api/v1/work-items")).json()["totalCount"] == 0
        assert (await stranger.get(f"/api/v1/work-items/{item['id']}")).status_code == 404
