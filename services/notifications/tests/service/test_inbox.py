"""The doors of the inbox: one's own rows, pages, counts, the feed, reading once and for all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx2
import pytest
from services.notifications.tests.place import Place

from chassis.ids import new_id
from chassis.testing.stand import TestClock
from execos.sales.v1.events_pb2 import DealWon
from execos.work.v1.events_pb2 import ItemAssigned

INBOX = "/api/v1/notifications"


@pytest.fixture
async def ops(place: Place) -> UUID:
    """Somebody who gets work."""
    return await place.person("OPS")


@pytest.fixture
async def api(place: Place, ops: UUID) -> AsyncIterator[httpx2.AsyncClient]:
    """Signed in as that person."""
    async with place.api(ops) as client:
        yield client


async def assign(place: Place, person: UUID, count: int = 1) -> None:
    """That many items for a person, each a second after the one before."""
    for number in range(count):
        item = place.item(assigned_to_user_id=person, title=f"Item {number}")
        await place.tell(ItemAssigned(item=item), item.id)
        place.advance(seconds=1)


async def titles(answer: httpx2.Response) -> list[str]:
    body: Any = answer.json()
    return [notice["title"].removeprefix("Assigned to you: ") for notice in body["items"]]


def statements(answer: httpx2.Response) -> str:
    return answer.headers["server-timing"]


async def test_pages_are_newest_first_with_counts(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    await assign(place, ops, 5)
    page = await api.get(INBOX, params={"pageSize": 2, "page": 2})
    assert await titles(page) == ["Item 2", "Item 1"]
    assert {name: page.json()[name] for name in ("page", "pageSize", "totalCount", "total")} == {
        "page": 2,
        "pageSize": 2,
        "totalCount": 5,
        "total": 5,
    }


async def test_cursor_goes_through_everything_once(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    await assign(place, ops, 5)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2, "cursor": ""}
    while query["cursor"] is not None:
        answer = await api.get(INBOX, params=query)
        seen += await titles(answer)
        query["cursor"] = answer.json()["nextCursor"]
    assert seen == [f"Item {number}" for number in (4, 3, 2, 1, 0)]


async def test_list_is_one_statement_whatever_its_size(
    place: Place, ops: UUID, api: httpx2.AsyncClient
) -> None:
    await assign(place, ops, 6)
    small, large = [await api.get(INBOX, params={"pageSize": size}) for size in (1, 100)]
    assert len(large.json()["items"]) == 6
    assert "desc=1" in statements(small)
    assert "desc=1" in statements(large)


async def test_unread_and_type_narrow_the_list(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    await assign(place, ops, 2)
    deal = place.deal(owner_user_id=ops)
    await place.member(ops, "SALES")
    await place.tell(DealWon(deal=deal), deal.id)
    [newest, *_] = (await api.get(INBOX)).json()["items"]
    await api.post(f"{INBOX}/{newest['id']}/read")
    assert await titles(await api.get(INBOX, params={"unread": "true"})) == ["Item 1", "Item 0"]
    assert [each["id"] for each in (await api.get(INBOX, params={"unread": "false"})).json()["items"]] == [
        newest["id"]
    ]
    won = (await api.get(INBOX, params={"type": "deal.won"})).json()["items"]
    assert [each["id"] for each in won] == [newest["id"]]
    assert (await api.get(INBOX, params={"type": "deal.won", "unread": "true"})).json()["totalCount"] == 0


@pytest.mark.parametrize(
    "query", ["type=deal.exploded", "unread=maybe", "sortBy=title", "page=0", "nonsense=1", "cursor=nonsense"]
)
async def test_bad_parameters_are_refused(api: httpx2.AsyncClient, query: str) -> None:
    answer = await api.get(f"{INBOX}?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_unread_count_and_feed(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    await assign(place, ops, 32)
    assert (await api.get(f"{INBOX}/unread-count")).json() == {"count": 32}
    feed = await api.get("/api/v1/feed")
    assert [notice["title"] for notice in feed.json()] == [
        f"Assigned to you: Item {number}" for number in range(31, 1, -1)
    ]
    assert "desc=1" in statements(feed)
    await api.post(f"{INBOX}/{feed.json()[0]['id']}/read")
    assert (await api.get(f"{INBOX}/unread-count")).json() == {"count": 31}
    assert (await api.get("/api/v1/feed")).json()[0]["title"].endswith("Item 30")


async def test_reading_is_noted_once(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    await assign(place, ops)
    [notice] = await place.inbox(ops)
    place.advance(minutes=1)
    first = await api.post(f"{INBOX}/{notice['id']}/read")
    assert (first.status_code, first.json()["version"], first.headers["etag"]) == (200, 2, '"2"')
    assert first.json()["readAt"] == place.now.isoformat().replace("+00:00", "Z")
    place.advance(minutes=1)
    again = await api.post(f"{INBOX}/{notice['id']}/read")
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await place.stand.facts()) == 1


async def test_parallel_reads_are_one(
    place: Place, ops: UUID, api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assign(place, ops)
    [notice] = await place.inbox(ops)

    def ticking(clock: TestClock) -> datetime:
        clock.advance(seconds=1)
        return clock.now

    await asyncio.gather(*(api.get(INBOX) for _ in range(4)))  # opens as many connections
    monkeypatch.setattr(TestClock, "__call__", ticking)
    answers = await asyncio.gather(*(api.post(f"{INBOX}/{notice['id']}/read") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.json()["version"], answer.json()["readAt"]) for answer in answers}) == 1


async def test_stale_version_is_refused(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    await assign(place, ops)
    [notice] = await place.inbox(ops)
    answer = await api.post(f"{INBOX}/{notice['id']}/read", headers={"if-match": '"7"'})
    assert (answer.status_code, answer.json()["error"]["code"]) == (412, "STALE_VERSION")
    assert (await place.inbox(ops))[0]["readAt"] is None


async def test_idempotency_key_replays_the_answer(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    await assign(place, ops)
    first, second = [await api.post(f"{INBOX}/read-all", headers={"idempotency-key": "k"}) for _ in range(2)]
    assert first.json() == second.json() == {"marked": 1}
    assert second.headers["idempotency-replayed"] == "true"


async def test_everything_is_read_at_once(place: Place, ops: UUID, api: httpx2.AsyncClient) -> None:
    other = await place.person("OPS")
    await assign(place, ops, 3)
    await assign(place, other)
    assert (await api.post(f"{INBOX}/read-all")).json() == {"marked": 3}
    assert (await api.post(f"{INBOX}/read-all")).json() == {"marked": 0}
    assert (await api.get(f"{INBOX}/unread-count")).json() == {"count": 0}
    assert (await place.inbox(ops))[0]["version"] == 2
    assert (await place.inbox(other))[0]["readAt"] is None


async def test_nobody_reads_or_marks_what_others_were_told(place: Place, ops: UUID) -> None:
    await assign(place, ops)
    [notice] = await place.inbox(ops)
    elsewhere = place.identity.add_organisation(new_id()).id
    strangers: list[dict[str, Any]] = [{"user_id": new_id()}, {"user_id": ops, "org_id": elsewhere}]
    for stranger in strangers:
        async with place.stand.client(**stranger) as api:
            answer = await api.post(f"{INBOX}/{notice['id']}/read")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
            assert (await api.post(f"{INBOX}/read-all")).json() == {"marked": 0}
            assert (await api.get(INBOX)).json()["items"] == []
            assert (await api.get("/api/v1/feed")).json() == []
    assert (await place.inbox(ops))[0]["readAt"] is None


async def test_what_a_role_may_no_longer_read_is_not_shown(place: Place, ops: UUID) -> None:
    await assign(place, ops)
    [notice] = await place.inbox(ops)
    async with place.api(ops, "deals:read", "leads:*") as api:
        assert (await api.get(INBOX)).json()["totalCount"] == 0
        assert (await api.get("/api/v1/feed")).json() == []
        assert (await api.get(f"{INBOX}/unread-count")).json() == {"count": 0}
        assert (await api.post(f"{INBOX}/{notice['id']}/read")).status_code == 404
        assert (await api.post(f"{INBOX}/read-all")).json() == {"marked": 0}
    assert len(await place.inbox(ops, "work-items:read")) == 1


async def test_names_of_the_actor_are_todays(place: Place, ops: UUID) -> None:
    boss = await place.person("DIRECTOR", name="Dora Old")
    item = place.item(assigned_to_user_id=ops)
    await place.tell(ItemAssigned(item=item), item.id, by=boss)
    await place.member(boss, "DIRECTOR", name="Dora New")
    assert (await place.inbox(ops))[0]["actor"]["name"] == "Dora New"


async def test_actor_who_is_not_known_here_has_no_name(place: Place, ops: UUID) -> None:
    somebody = new_id()
    item = place.item(assigned_to_user_id=ops)
    await place.tell(ItemAssigned(item=item), item.id, by=somebody)
    assert (await place.inbox(ops))[0]["actor"] == {
        "id": str(somebody),
        "name": "",
        "email": None,
        "kind": "user",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", INBOX),
        ("GET", f"{INBOX}/unread-count"),
        ("GET", "/api/v1/feed"),
        ("POST", f"{INBOX}/read-all"),
        ("POST", f"{INBOX}/{UUID(int=1)}/read"),
    ],
)
async def test_strangers_are_refused_and_every_role_is_let_in(place: Place, method: str, path: str) -> None:
    async with place.stand.anonymous() as nobody:
        assert (await nobody.request(method, path)).status_code == 401
    async with place.stand.client("nothing:read", role="CASHIER") as cashier:
        answer = await cashier.request(method, path)
        assert answer.status_code == (404 if path.endswith("/read") else 200)


async def test_id_that_is_none_is_a_bad_request(api: httpx2.AsyncClient) -> None:
    assert (await api.post(f"{INBOX}/not-an-id/read")).status_code == 400
