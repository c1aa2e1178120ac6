"""Items are made: what is stored, shown and told, and what the policies ask."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from services.work.tests.place import LENIENT, NOON, Place


async def test_created_item_is_shown_with_its_people_company_and_deal(place: Place) -> None:
    company = place.sales.add_company(place.org_id, name="Acme Boats")
    deal = place.sales.add_deal(place.org_id, company, title="Jetty")
    answer = await place.api.post(
        "/api/v1/work-items",
        json=place.body(
            title="  Build it ", description="soon", priority=1, dueDate=place.day(2),
            companyId=str(company.id), dealId=str(deal.id),
        ),
    )  # fmt: skip
    item = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert answer.headers["location"] == f"/api/v1/work-items/{item['id']}"
    assert item == {
        "id": item["id"],
        "version": 1,
        "kind": "general",
        "title": "Build it",
        "description": "soon",
        "status": "TODO",
        "priority": 1,
        "dueDate": "2026-03-12",
        "isOverdue": False,
        "assignedToUserId": str(place.member.id),
        "createdByUserId": str(place.stand.user_id),
        "companyId": str(company.id),
        "dealId": str(deal.id),
        "assignedToUser": {"id": str(place.member.id), "name": "Olga Owner", "email": "olga@test.example"},
        "createdByUser": {
            "id": str(place.stand.user_id), "name": "Test Person", "email": "person@test.example", "kind": "user",
        },
        "company": {"id": str(company.id), "name": "Acme Boats"},
        "deal": {"id": str(deal.id), "title": "Jetty", "stage": "OPEN"},
        "completedAt": None,
        "archivedAt": None,
        "createdAt": item["createdAt"],
        "updatedAt": item["createdAt"],
    }  # fmt: skip
    assert datetime.fromisoformat(item["createdAt"]) == NOON
    assert await place.read(item) == item


async def test_creation_is_told_with_the_whole_item_and_to_its_assignee(place: Place) -> None:
    company = place.sales.add_company(place.org_id, name="Acme Boats")
    deal = place.sales.add_deal(place.org_id, company, title="Jetty")
    item = await place.item(companyId=str(company.id), dealId=str(deal.id), dueDate=place.day(1))
    created, assigned = await place.stand.facts()
    assert (created.type, assigned.type) == ("work.item.created.v1", "work.item.assigned.v1")
    told = created.message.item
    assert told == assigned.message.item
    assert (told.id, told.version, told.title, told.kind) == (item["id"], 1, "Paint the fence", "general")
    assert (told.status, told.priority, told.due_date) == ("TODO", 2, "2026-03-11")
    assert told.assigned_to_user_id == str(place.member.id)
    assert told.created_by_user_id == str(place.stand.user_id)
    assert (told.company.id, told.company.name) == (str(company.id), "Acme Boats")
    assert (told.deal.id, told.deal.name) == (str(deal.id), "Jetty")
    assert told.created_at.ToJsonString() == "2026-03-10T12:00:00Z"
    assert not told.HasField("completed_at")
    assert await place.stand.actions(item["id"]) == ["CREATE"]


async def test_unassigned_item_is_assigned_to_nobody(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    item = await place.item(assignedToUserId=None)
    assert (item["assignedToUser"], item["dueDate"], item["company"], item["deal"]) == (
        None,
        None,
        None,
        None,
    )
    assert await place.told(item) == ["item.created"]


async def test_missing_due_date_gets_the_default_and_history_says_so(place: Place) -> None:
    item = await place.item()
    assert (item["dueDate"], item["version"]) == (place.day(3), 1)
    assert sorted(await place.stand.actions(item["id"])) == ["AUTO_DUE_DATE_SET", "CREATE"]
    assert await place.told(item) == ["item.created", "item.assigned"]


async def test_default_due_date_is_counted_from_the_organisations_day(place: Place) -> None:
    place.identity.add_organisation(place.org_id, time_zone="Pacific/Kiritimati")  # UTC+14: already tomorrow
    assert (await place.item())["dueDate"] == "2026-03-14"


async def test_owner_is_required_by_policy(place: Place) -> None:
    answer = await place.api.post("/api/v1/work-items", json={"title": "Nobody's"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "OWNER_REQUIRED")
    await place.set_policies(require_work_owner=False)
    assert (await place.item(assignedToUserId=None))["assignedToUserId"] is None


@pytest.mark.parametrize(("zone", "offset", "status"), [
    ("UTC", -1, 409), ("UTC", 0, 201), ("Pacific/Kiritimati", 0, 409), ("Pacific/Pago_Pago", 0, 201),
])  # fmt: skip
async def test_due_date_is_not_before_the_organisations_day(
    place: Place, zone: str, offset: int, status: int
) -> None:
    place.identity.add_organisation(place.org_id, time_zone=zone)
    answer = await place.api.post("/api/v1/work-items", json=place.body(dueDate=place.day(offset)))
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["error"]["code"] == "DUE_DATE_IN_PAST"
        assert await place.stand.facts() == []


async def test_item_may_begin_in_any_open_status(place: Place) -> None:
    for status in ("IN_PROGRESS", "BLOCKED"):
        item = await place.item(status=status)
        assert (item["status"], item["completedAt"], item["version"]) == (status, None, 1)
        assert await place.told(item) == ["item.created", "item.assigned"]


async def test_item_that_begins_done_is_completed_like_any_other(place: Place) -> None:
    item = await place.item(status="DONE")
    assert (item["status"], datetime.fromisoformat(item["completedAt"])) == ("DONE", NOON)
    assert await place.told(item) == ["item.created", "item.assigned", "item.completed"]
    assert sorted(await place.stand.actions(item["id"])) == ["AUTO_DUE_DATE_SET", "COMPLETE", "CREATE"]


@pytest.mark.parametrize(("fields", "field"), [
    ({"title": None}, "title"), ({"title": ""}, "title"), ({"title": " \t "}, "title"), ({"title": "x" * 256}, "title"),
    ({"title": "a\x00b"}, "title"), ({"title": 5}, "title"), ({"description": "x" * 20_001}, "description"),
    ({"status": "OPEN"}, "status"), ({"status": None}, "status"), ({"priority": 0}, "priority"),
    ({"priority": 4}, "priority"), ({"priority": None}, "priority"), ({"priority": 1.5}, "priority"),
    ({"dueDate": "soon"}, "dueDate"), ({"dueDate": 5}, "dueDate"), ({"assignedToUserId": "me"}, "assignedToUserId"),
    ({"companyId": 7}, "companyId"), ({"dealId": "x"}, "dealId"), ({"orgId": "x"}, "orgId"),
    ({"version": 3}, "version"),
    ({"kind": "delivery"}, "kind"), ({"completedAt": None}, "completedAt"),
])  # fmt: skip
async def test_bad_field_is_named(place: Place, fields: dict[str, Any], field: str) -> None:
    answer = await place.api.post("/api/v1/work-items", json=place.body(**fields))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "VALIDATION_ERROR")
    assert [each["field"] for each in error["details"]] == [field]
    assert await place.stand.facts() == []


async def test_title_is_required(place: Place) -> None:
    answer = await place.api.post("/api/v1/work-items", json={"priority": 1})
    assert answer.json()["error"]["details"][0]["field"] == "title"


async def test_full_instant_is_accepted_as_a_date(place: Place) -> None:
    assert (await place.item(dueDate="2026-03-20T00:00:00.000Z"))["dueDate"] == "2026-03-20"


async def test_same_key_makes_one_item(place: Place) -> None:
    headers = {"idempotency-key": "once"}
    body = place.body()
    twins = [place.api.post("/api/v1/work-items", json=body, headers=headers) for _ in range(4)]
    statuses = {answer.status_code for answer in await asyncio.gather(*twins)}
    assert 201 in statuses <= {201, 409}
    again = await place.api.post("/api/v1/work-items", json=body, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    other = await place.api.post("/api/v1/work-items", json=place.body(title="Other"), headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await place.titles() == ["Paint the fence"]
