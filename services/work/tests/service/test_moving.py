"""Items move along their table, whatever the door, and each move is told once."""

import asyncio
from datetime import datetime
from itertools import product

import httpx2
import pytest
from services.work.tests.place import NOON, Json, Place

from work.domain.items import Status

DOORS = ("transition", "patch", "complete")
OPEN = ("TODO", "IN_PROGRESS", "BLOCKED")


async def move(place: Place, item: Json, door: str, status: str) -> httpx2.Response:
    """Move by one of the doors."""
    if door == "patch":
        return await place.patch(item, status=status)
    return await place.act(item, door, None if door == "complete" else {"status": status})


@pytest.mark.parametrize("door", ["transition", "patch"])
@pytest.mark.parametrize(("current", "wanted"), list(product(Status, Status)))
async def test_every_pair_of_states(place: Place, door: str, current: Status, wanted: Status) -> None:
    item = await place.item(status=current)
    before = await place.told(item)
    answer = await move(place, item, door, wanted)
    told = (await place.told(item))[len(before) :]
    if current == wanted:
        assert (answer.status_code, answer.json(), told) == (200, item, [])
    elif current is Status.DONE:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], told) == (409, "ILLEGAL_TRANSITION", [])
        assert error["details"] == {"from": "DONE", "to": wanted, "allowed": []}
        assert await place.read(item) == item
    else:
        moved = answer.json()
        assert (answer.status_code, moved["status"]) == (200, wanted)
        assert (moved["completedAt"] is None) == (wanted is not Status.DONE)
        assert told == ["item.completed" if wanted is Status.DONE else "item.transitioned"]
        action = "COMPLETE" if wanted is Status.DONE else "TRANSITION"
        assert (await place.stand.actions(item["id"]))[-1] == action


@pytest.mark.parametrize(("door", "current"), list(product(DOORS, OPEN)))
async def test_done_by_any_door_is_told_once(place: Place, door: str, current: str) -> None:
    item = await place.item(status=current)
    for _ in range(2):
        answer = await move(place, item, door, "DONE")
        assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "DONE", 2)
        place.stand.clock.advance(hours=1)
    [fact] = await place.stand.facts("work.item.completed.v1")
    assert (fact.version, fact.message.item.status) == (2, "DONE")
    assert fact.message.item.completed_at.ToDatetime(NOON.tzinfo) == NOON
    assert datetime.fromisoformat((await place.read(item))["completedAt"]) == NOON
    assert (await place.stand.actions(item["id"])).count("COMPLETE") == 1


async def test_done_by_all_doors_at_once_is_told_once(place: Place) -> None:
    item = await place.item()
    answers = await asyncio.gather(*(move(place, item, door, "DONE") for door in DOORS * 3))
    assert {answer.status_code for answer in answers} == {200}
    assert (await place.told(item)).count("item.completed") == 1


async def test_done_with_other_changes_is_one_fact(place: Place) -> None:
    item = await place.item()
    done = await place.patch(item, status="DONE", title="Renamed")
    assert (done.json()["status"], done.json()["title"], done.json()["version"]) == ("DONE", "Renamed", 2)
    [fact] = await place.stand.facts("work.item.completed.v1")
    assert fact.message.item.title == "Renamed"
    assert (await place.told(item))[2:] == ["item.completed"]


async def test_reopened_item_is_to_be_done_again(place: Place) -> None:
    item = await place.item(status="DONE")
    answer = await place.act(item, "reopen")
    assert (answer.status_code, answer.json()["status"], answer.json()["completedAt"]) == (200, "TODO", None)
    assert (await place.told(item))[-2:] == ["item.completed", "item.reopened"]
    assert (await place.stand.actions(item["id"]))[-1] == "REOPEN"
    await place.act(item, "complete")
    assert (await place.told(item)).count("item.completed") == 2


@pytest.mark.parametrize("status", OPEN)
async def test_open_item_is_not_reopened(place: Place, status: str) -> None:
    item = await place.item(status=status)
    answer = await place.act(item, "reopen")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")
    assert await place.read(item) == item


async def test_item_is_reopened_once_when_two_try(place: Place) -> None:
    item = await place.item(status="DONE")
    answers = await asyncio.gather(place.act(item, "reopen"), place.act(item, "reopen"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (await place.told(item)).count("item.reopened") == 1


@pytest.mark.parametrize(
    "body", [{}, {"status": None}, {"status": "GONE"}, {"status": "DONE", "force": True}]
)
async def test_bad_transition_is_refused(place: Place, body: Json) -> None:
    item = await place.item()
    answer = await place.act(item, "transition", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert await place.read(item) == item


@pytest.mark.parametrize("body", [None, {}, {"force": True}, {"force": False}])
async def test_item_that_waits_for_nothing_is_completed_with_or_without_force(
    place: Place, body: Json | None
) -> None:
    answer = await place.act(await place.item(), "complete", body)
    assert (answer.status_code, answer.json()["status"]) == (200, "DONE")


@pytest.mark.parametrize("body", [{"force": None}, {"force": "perhaps"}, {"status": "DONE"}])
async def test_bad_completion_is_refused(place: Place, body: Json) -> None:
    item = await place.item()
    answer = await place.act(item, "complete", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert await place.read(item) == item
