"""Items are changed: only what was sent, only within the policies, only the version that was read."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from services.work.tests.place import LENIENT, Json, Place


async def test_only_what_is_sent_changes(place: Place) -> None:
    item = await place.item(description="soon", dueDate=place.day(2))
    answer = await place.patch(item, title="Renamed", priority=1)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    changed = answer.json()
    assert changed == item | {
        "title": "Renamed", "priority": 1, "version": 2, "updatedAt": changed["updatedAt"],
    }  # fmt: skip
    assert (await place.told(item))[-1] == "item.updated"
    assert (await place.stand.facts("work.item.updated.v1"))[0].message.item.title == "Renamed"


async def test_null_clears_what_may_be_empty(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    deal = place.sales.add_deal(place.org_id)
    full = {
        "description": "x",
        "dueDate": place.day(1),
        "companyId": str(deal.company_id),
        "dealId": str(deal.id),
    }
    item = await place.item(**full)
    cleared = await place.patch(item, **dict.fromkeys([*full, "assignedToUserId"]))
    assert cleared.status_code == 200
    assert {
        cleared.json()[name] for name in [*full, "assignedToUserId", "assignedToUser", "company", "deal"]
    } == {None}
    assert await place.told(item) == ["item.created", "item.assigned", "item.updated"]


@pytest.mark.parametrize("fields", [
    {"title": None}, {"status": None}, {"priority": None}, {"title": ""}, {"title": "x" * 256}, {"priority": 9},
    {"status": "GONE"}, {"kind": "delivery"}, {"version": 1}, {"createdByUserId": str(uuid4())}, {"id": str(uuid4())},
])  # fmt: skip
async def test_bad_change_is_refused(place: Place, fields: Json) -> None:
    item = await place.item()
    answer = await place.patch(item, **fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert await place.read(item) == item


@pytest.mark.parametrize("names", [[], ["title", "priority", "assignedToUserId", "dueDate", "status"]])
async def test_what_changes_nothing_is_not_told(place: Place, names: list[str]) -> None:
    item = await place.item()
    answer = await place.patch(item, **{name: item[name] for name in names})
    assert (answer.status_code, answer.json()) == (200, item)
    assert await place.told(item) == ["item.created", "item.assigned"]
    assert "UPDATE" not in await place.stand.actions(item["id"])


async def test_new_assignee_is_told_once(place: Place) -> None:
    item = await place.item()
    changed = await place.patch(item, assignedToUserId=str(place.stand.user_id))
    assert changed.json()["assignedToUser"]["name"] == "Test Person"
    assert await place.told(item) == ["item.created", "item.assigned", "item.updated", "item.assigned"]
    await place.patch(item, title="Renamed", assignedToUserId=str(place.stand.user_id))
    assert (await place.told(item))[4:] == ["item.updated"]


async def test_owner_may_not_be_taken_away_under_the_policy(place: Place) -> None:
    item = await place.item()
    answer = await place.patch(item, assignedToUserId=None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "OWNER_REQUIRED")
    await place.set_policies(require_work_owner=False)
    assert (await place.patch(item, assignedToUserId=None)).status_code == 200


async def test_change_of_an_ownerless_item_must_name_an_owner(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    item = await place.item(assignedToUserId=None)
    await place.set_policies(require_work_owner=True)
    assert (await place.patch(item, title="Renamed")).json()["error"]["code"] == "OWNER_REQUIRED"
    assert (await place.patch(item, status="IN_PROGRESS")).status_code == 200
    assert (
        await place.patch(item, title="Renamed", assignedToUserId=str(place.member.id))
    ).status_code == 200


async def test_due_date_may_not_be_moved_into_the_past(place: Place) -> None:
    item = await place.item(dueDate=place.day(1))
    answer = await place.patch(item, dueDate=place.day(-1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "DUE_DATE_IN_PAST")
    place.stand.clock.advance(days=5)
    answer = await place.patch(item, title="Late", dueDate=item["dueDate"])
    assert (answer.status_code, answer.json()["isOverdue"]) == (200, True)


async def test_missing_date_gets_the_default_when_the_policy_asks_for_one(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    item = await place.item()
    await place.set_policies(require_work_due_date=True, default_work_due_days=10)
    assert (await place.patch(item, title="Renamed")).json()["dueDate"] == place.day(10)
    assert sorted(await place.stand.actions(item["id"])) == ["AUTO_DUE_DATE_SET", "CREATE", "UPDATE"]
    assert (await place.patch(item, dueDate=None)).json()["dueDate"] == place.day(10)


async def test_done_item_gets_no_date(place: Place) -> None:
    place.identity.add_organisation(place.org_id, policies=LENIENT)
    item = await place.item()
    await place.set_policies(require_work_due_date=True)
    done = await place.patch(item, title="Renamed", status="DONE")
    assert (done.json()["dueDate"], done.json()["title"]) == (None, "Renamed")


@pytest.mark.parametrize(("action", "body"), [
    (None, {"title": "Mine"}), ("transition", {"status": "BLOCKED"}), ("complete", None), ("reopen", None),
])  # fmt: skip
async def test_only_the_version_that_was_read_is_changed(
    place: Place, action: str | None, body: Json | None
) -> None:
    item = await place.item(status="DONE" if action == "reopen" else "TODO")
    stale, current = {"if-match": '"7"'}, {"if-match": f'"{item["version"]}"'}

    async def act(headers: dict[str, str]) -> Any:
        if action is None:
            return await place.patch(item, headers=headers, **(body or {}))
        return await place.act(item, action, body, **headers)

    refused = await act(stale)
    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "STALE_VERSION")
    assert await place.read(item) == item
    assert (await act(current)).json()["version"] == item["version"] + 1
    assert (await act(current)).status_code == 412


async def test_changes_at_once_lose_nothing(place: Place) -> None:
    item = await place.item()
    changes: list[Json] = [
        {"title": "Renamed"},
        {"priority": 1},
        {"description": "soon"},
        {"status": "BLOCKED"},
    ]
    answers = await asyncio.gather(*(place.patch(item, **change) for change in changes))
    assert [answer.status_code for answer in answers] == [200] * 4
    now = await place.read(item)
    assert {name: now[name] for change in changes for name in change} == {
        name: value for change in changes for name, value in change.items()
    }
    assert now["version"] == 5
