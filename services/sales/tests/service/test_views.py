"""Saved views: one's own and shared ones, with filters that the list understands."""

from typing import Any

import httpx2
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

from chassis.ids import new_id

VIEW: Json = {
    "name": "Big and open",
    "entity": "deal",
    "filters": {"stage": "OPEN", "valueMin": 1000, "archived": True, "tag": ["VIP", "Fair"]},
    "sortBy": "valueAmount",
    "sortDir": "asc",
    "columns": ["title", "owner.name", "cf.size"],
}


async def named(api: httpx2.AsyncClient, **query: Any) -> list[str]:
    """The views that somebody sees."""
    return [each["name"] for each in (await api.get("/api/v1/views", params=query)).json()["items"]]


async def test_view_is_saved_changed_and_deleted(place: Place) -> None:
    view = await place.made("/views", **VIEW)
    assert {name: view[name] for name in VIEW} == VIEW
    assert (view["shared"], view["ownerUserId"], view["version"]) == (False, str(place.stand.user_id), 1)
    path = f"/views/{view['id']}"
    assert await place.read(path) == view
    assert code_of(await place.patch(path, {"name": "x"}, if_match='"2"'), 412) == "STALE_VERSION"
    changed = await place.patch(path, {"name": "Open", "sortBy": None, "filters": {}})
    assert {name: changed.json()[name] for name in ("name", "sortBy", "filters", "sortDir")} == {
        "name": "Open",
        "sortBy": None,
        "filters": {},
        "sortDir": "asc",
    }
    assert (await place.patch(path, {"name": "Open"})).json()["version"] == 2
    refused = await place.api.delete(f"/api/v1{path}", headers={"if-match": '"1"'})
    assert code_of(refused, 412) == "STALE_VERSION"
    assert (await place.api.delete(f"/api/v1{path}")).status_code == 204
    assert code_of(await place.get(path), 404) == "NOT_FOUND"
    assert await place.stand.actions(view["id"]) == ["CREATE", "UPDATE", "DELETE"]


async def test_what_the_list_does_not_understand_is_refused(place: Place) -> None:
    await place.made("/custom-fields", entity="deal", key="size", name="Size", type="number")
    view = await place.made("/views", name="V", entity="deal", filters={"cf.size": 10, "q": "a"})
    for change, field in (
        ({"filters": {"surprise": "x"}}, "filters.surprise"),
        ({"filters": {"stage": "NEW"}}, "filters.stage"),
        ({"filters": {"stage": ["OPEN", "x"]}}, "filters.stage"),
        ({"filters": {"stage": {"a": 1}}}, "filters.stage"),
        ({"filters": {"stage": None}}, "filters.stage"),
        ({"filters": {"ownerUserId": "me"}}, "filters.ownerUserId"),
        ({"filters": {"page": 2}}, "filters.page"),
        ({"filters": {"sortBy": "title"}}, "filters.sortBy"),
        ({"filters": {"q": "a\x00"}}, "filters.q"),
        ({"filters": {"cf.other": "1"}}, "cf.other"),
        ({"filters": {"cf.size": "much"}}, "cf.size"),
        ({"filters": {"cf.size": "1" * 1001}}, "filters.cf.size"),
        ({"filters": None}, "filters"),
        ({"sortBy": "industry"}, "sortBy"),
        ({"sortDir": "up"}, "sortDir"),
        ({"columns": ["a b"]}, "columns.0"),
        ({"shared": None}, "shared"),
        ({"entity": "lead"}, "entity"),
    ):
        error = error_of(await place.patch(f"/views/{view['id']}", change), 400)
        assert [each["field"] for each in error["details"]] == [field], change
        if "entity" not in change:
            assert code_of(await place.post("/views", VIEW | change), 400) == "VALIDATION_ERROR", change
    assert code_of(await place.post("/views", VIEW | {"entity": "invoice"}), 400) == "VALIDATION_ERROR"
    assert await place.read(f"/views/{view['id']}") == view


async def test_every_kind_of_list_has_its_own_filters(place: Place) -> None:
    for entity, filters, sort_by in (
        ("company", {"archived": False}, "industry"),
        ("contact", {"companyId": NOBODY}, "title"),
        ("lead", {"stage": "QUALIFIED", "createdFrom": "2026-03-10"}, "stage"),
        ("deal", {"valueMax": "10.50"}, "expectedCloseDate"),
    ):
        view = await place.made("/views", name=entity, entity=entity, filters=filters, sortBy=sort_by)
        assert (view["filters"], view["sortBy"]) == (filters, sort_by)
    assert await named(place.api) == ["company", "contact", "deal", "lead"]
    assert await named(place.api, entity="lead") == ["lead"]
    refused = await place.post("/views", {"name": "x", "entity": "contact", "filters": {"stage": "NEW"}})
    assert code_of(refused, 400) == "VALIDATION_ERROR"


async def test_own_views_are_nobody_elses(place: Place) -> None:
    view = await place.made("/views", **VIEW)
    url = f"/api/v1/views/{view['id']}"
    async with place.stand.client(user_id=new_id()) as other:
        assert await named(other) == []
        for answer in (
            await other.get(url),
            await other.patch(url, json={"name": "x"}),
            await other.delete(url),
        ):
            assert code_of(answer, 404) == "NOT_FOUND"
    assert await place.read(f"/views/{view['id']}") == view


async def test_shared_views_are_seen_by_all_and_changed_by_whoever_may_share(place: Place) -> None:
    view = await place.made("/views", **VIEW | {"shared": True})
    url = f"/api/v1/views/{view['id']}"
    async with place.stand.client("deals:read", user_id=new_id()) as other:
        assert await named(other) == ["Big and open"]
        assert (await other.get(url)).json() == view
        assert code_of(await other.patch(url, json={"name": "x"}), 403) == "FORBIDDEN"
        assert code_of(await other.delete(url), 403) == "FORBIDDEN"
        assert code_of(await other.post("/api/v1/views", json=VIEW | {"shared": True}), 403) == "FORBIDDEN"
        own = (await other.post("/api/v1/views", json=VIEW | {"name": "Own"})).json()
        share = await other.patch(f"/api/v1/views/{own['id']}", json={"shared": True})
        assert code_of(share, 403) == "FORBIDDEN"
        assert await named(other) == ["Big and open", "Own"]
    async with place.stand.client("deals:read", "views:share", user_id=new_id()) as leader:
        assert (await leader.patch(url, json={"name": "Ours"})).json()["name"] == "Ours"
        assert (await leader.patch(url, json={"shared": False})).json()["shared"] is False
        assert code_of(await leader.get(url), 404) == "NOT_FOUND"
        await place.patch(f"/views/{view['id']}", {"shared": True})
        assert (await leader.delete(url)).status_code == 204


async def test_views_are_of_rows_that_one_may_see(place: Place) -> None:
    view = await place.made("/views", **VIEW | {"shared": True})
    url = f"/api/v1/views/{view['id']}"
    async with place.stand.client("leads:read", "views:share", user_id=new_id()) as other:
        assert code_of(await other.post("/api/v1/views", json=VIEW), 403) == "FORBIDDEN"
        assert await named(other) == []
        for answer in (
            await other.get(url),
            await other.patch(url, json={"name": "x"}),
            await other.delete(url),
        ):
            assert code_of(answer, 404) == "NOT_FOUND"
        assert (await other.post("/api/v1/views", json={"name": "L", "entity": "lead"})).status_code == 201
