"""Batches: many commands in one request, each as its single door does it, by itself or all or none."""

import asyncio
from typing import Any

import pytest
from services.sales.tests.place import NOBODY, Json, Place, code_of, error_of

from chassis.ids import new_id

RECORDED = "sales.activity.recorded.v1"
PATHS = {"/companies": "name", "/contacts": "name", "/leads": "title", "/deals": "title"}


async def new(place: Place, path: str, name: str, **fields: Any) -> Json:
    """The operation that creates a row."""
    data: Json = {PATHS[path]: name, **fields}
    if path == "/deals":
        data |= {"companyId": (await place.company(f"Company of {name}"))["id"], "ownerUserId": place.owner}
    return {"op": "create", "data": data}


async def batch(place: Place, path: str, *operations: Json, **body: Any) -> list[Json]:
    answer = await place.post(f"{path}/batch", {"operations": list(operations), **body})
    assert answer.status_code == 200, answer.text
    results: list[Json] = answer.json()["results"]
    return results


@pytest.mark.parametrize("path", PATHS)
async def test_commands_are_done_in_their_order(place: Place, path: str) -> None:
    results = await batch(
        place, path, await new(place, path, "One"), await new(place, path, "Two"), atomic=False
    )
    assert [(each["index"], each["status"], set(each)) for each in results] == [
        (0, 201, {"index", "status", "id"}), (1, 201, {"index", "status", "id"}),
    ]  # fmt: skip
    one, two = (each["id"] for each in results)
    results = await batch(
        place,
        path,
        {"op": "update", "id": one, "ifMatch": 1, "data": {PATHS[path]: "Uno"}},
        {"op": "update", "id": one, "ifMatch": 2, "data": {PATHS[path]: "Ein"}},
        {"op": "archive", "id": two},
        {"op": "restore", "id": two},
        {"op": "archive", "id": two},
    )
    assert [(each["status"], each["id"]) for each in results] == [
        (200, one), (200, one), (200, two), (200, two), (200, two),
    ]  # fmt: skip
    row = await place.read(f"{path}/{one}")
    assert (row[PATHS[path]], row["version"]) == ("Ein", 3)
    assert await place.names(path, PATHS[path]) == ["Ein"]
    kind = {"/companies": "company"}.get(path, path[1:-1])
    assert await place.told({"id": two}) == [
        f"{kind}.{what}" for what in ("created", "archived", "restored", "archived")
    ]
    assert await place.stand.actions(one) == ["CREATE", "UPDATE", "UPDATE"]


async def test_what_fails_says_why_and_leaves_nothing_behind(place: Place) -> None:
    taken, stale = await place.company("Taken"), await place.company("Stale")
    facts, entries = len(await place.stand.facts()), len(await place.stand.facts(RECORDED))
    results = await batch(
        place,
        "/companies",
        {"op": "create", "data": {"name": "First"}},
        {"op": "create", "data": {"name": "taken"}},
        {"op": "create", "data": {"name": "", "size": 7}},
        {"op": "update", "id": NOBODY, "data": {"industry": "Rail"}},
        {"op": "update", "id": stale["id"], "ifMatch": 7, "data": {"industry": "Rail"}},
        {"op": "create", "data": {"name": "Owned", "ownerUserId": NOBODY}},
        {"op": "delete", "id": taken["id"]},
        {"op": "update", "data": {"name": "X"}},
        {"op": "create", "id": taken["id"], "data": {"name": "X"}},
        {"op": "create"},
        {"op": "archive", "id": taken["id"], "data": {"name": "X"}},
        {"op": "create", "data": {"name": "first"}},
        {"op": "create", "data": {"name": "Last"}},
    )
    assert [(each["status"], each.get("error", {}).get("code")) for each in results] == [
        (201, None), (409, "COMPANY_EXISTS"), (400, "VALIDATION_ERROR"), (404, "NOT_FOUND"), (412, "STALE_VERSION"),
        (400, "BAD_REQUEST"), (400, "BAD_REQUEST"), (400, "VALIDATION_ERROR"), (400, "VALIDATION_ERROR"),
        (400, "VALIDATION_ERROR"), (400, "VALIDATION_ERROR"), (409, "COMPANY_EXISTS"), (201, None),
    ]  # fmt: skip
    assert [each["field"] for each in results[2]["error"]["details"]] == ["name", "size"]
    assert sorted(await place.names("/companies")) == ["First", "Last", "Stale", "Taken"]
    told = [fact.type for fact in (await place.stand.facts())[facts:]]
    assert told == ["sales.company.created.v1"] * 2
    assert len(await place.stand.facts(RECORDED)) == entries + 2
    assert (await place.read(f"/companies/{stale['id']}"))["version"] == 1
    assert (await place.get("/search", q="taken")).json()["items"][0]["id"] == taken["id"]


async def test_what_failed_does_not_change_what_comes_after(place: Place) -> None:
    a = await place.company("Alpha")
    await place.company("Beta")
    results = await batch(
        place,
        "/companies",
        {"op": "update", "id": a["id"], "data": {"name": "beta", "industry": "Rail"}},
        {"op": "update", "id": a["id"], "data": {"phone": "+4930123456"}},
    )
    assert [each["status"] for each in results] == [409, 200]
    row = await place.read(f"/companies/{a['id']}")
    assert (row["name"], row["industry"], row["version"]) == ("Alpha", None, 2)
    entry = (await place.get(f"/companies/{a['id']}/activity")).json()["items"]
    assert {"phone": "+4930123456"} in [each["after"] for each in entry]


@pytest.mark.parametrize("path", PATHS)
async def test_atomic_batch_is_all_or_nothing(place: Place, path: str) -> None:
    operations = [
        await new(place, path, "One"),
        {"op": "archive", "id": NOBODY},
        await new(place, path, "Two"),
    ]
    before = len(await place.stand.facts())
    answer = await place.post(f"{path}/batch", {"atomic": True, "operations": operations})
    error = error_of(answer, 409)
    assert error["code"] == "BATCH_FAILED"
    results = error["details"]["results"]
    assert [(each["index"], each["status"], "error" in each, "id" in each) for each in results] == [
        (0, 424, False, False), (1, 404, True, True), (2, 424, False, False),
    ]  # fmt: skip
    assert await place.names(path, PATHS[path]) == []
    assert len(await place.stand.facts()) == before
    assert len(await batch(place, path, operations[0], operations[2], atomic=True)) == 2
    assert sorted(await place.names(path, PATHS[path])) == ["One", "Two"]


async def test_key_is_for_the_whole_batch(place: Place) -> None:
    body = {
        "operations": [{"op": "create", "data": {"name": "One"}}, {"op": "create", "data": {"name": "one"}}]
    }
    first = await place.post("/companies/batch", body, idempotency_key="k")
    again = await place.post("/companies/batch", body, idempotency_key="k")
    assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
    assert await place.names("/companies") == ["One"]
    body["operations"].pop()
    assert (
        code_of(await place.post("/companies/batch", body, idempotency_key="k"), 422)
        == "IDEMPOTENCY_KEY_REUSED"
    )


async def test_batch_may_hold_500_operations(place: Place) -> None:
    operations = [{"op": "create", "data": {"name": f"Company {number}"}} for number in range(501)]
    refused = await place.post("/companies/batch", {"operations": operations})
    assert code_of(refused, 400) == "VALIDATION_ERROR"
    results = await batch(place, "/companies", *operations[:500], atomic=True)
    assert {each["status"] for each in results} == {201}
    assert (await place.get("/companies")).json()["total"] == 500


async def test_bodies_are_checked(place: Place) -> None:
    good = {"op": "create", "data": {"name": "X"}}
    bodies: list[Json] = [
        {}, {"operations": []}, {"operations": [good], "atomic": None}, {"operations": [good | {"op": "merge"}]},
        {"operations": [good | {"size": 1}]}, {"operations": [good | {"id": "1"}]}, {"operations": good},
        {"operations": [good | {"ifMatch": 0}]}, {"operations": [good | {"ifMatch": 2**40}]},
        {"operations": [good | {"data": []}]}, {"operations": [good | {"ifMatch": "one"}]},
    ]  # fmt: skip
    for bad in bodies:
        error = error_of(await place.post("/companies/batch", bad), 400)
        assert error["code"] == "VALIDATION_ERROR", bad
        issues = [issue for each in error["details"] for issue in each["issues"]]
        assert len(set(issues)) == len(issues), bad
    assert await place.names("/companies") == []


@pytest.mark.parametrize("data", [{"name": "a\x00b"}, {"name": "x" * 256}, {"name": None}, {}])
async def test_bad_data_is_one_operations_own_failure(place: Place, data: Json) -> None:
    results = await batch(
        place, "/companies", {"op": "create", "data": data}, {"op": "create", "data": {"name": "Good"}}
    )
    assert [each["status"] for each in results] == [400, 201]


@pytest.mark.parametrize("path", PATHS)
async def test_batch_needs_its_own_permission_and_that_of_the_single_command(place: Place, path: str) -> None:
    body = {"operations": [await new(place, path, "One")]}
    for scope in ((f"{path[1:]}:batch",), (f"{path[1:]}:write",)):
        async with place.stand.client(*scope) as half:
            assert code_of(await half.post(f"/api/v1{path}/batch", json=body), 403) == "FORBIDDEN"
    async with place.stand.client(f"{path[1:]}:batch", f"{path[1:]}:write") as both:
        assert (await both.post(f"/api/v1{path}/batch", json=body)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_rows_of_another_organisation_are_not_there(place: Place, path: str) -> None:
    row_id = (await batch(place, path, await new(place, path, "Ours")))[0]["id"]
    elsewhere = new_id()
    place.identity.add_organisation(elsewhere)
    body = {"operations": [{"op": "archive", "id": row_id}, {"op": "update", "id": row_id, "data": {}}]}
    async with place.stand.client(org_id=elsewhere, user_id=new_id()) as stranger:
        results = (await stranger.post(f"/api/v1{path}/batch", json=body)).json()["results"]
    assert [each["status"] for each in results] == [404, 404]


async def test_two_atomic_batches_of_the_same_names_at_once(place: Place) -> None:
    operations = [{"op": "create", "data": {"name": f"Company {number}"}} for number in range(20)]
    body = {"atomic": True, "operations": operations}
    answers = await asyncio.gather(*(place.post("/companies/batch", body) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (await place.get("/companies")).json()["total"] == 20


async def test_version_is_taken_as_bodies_and_as_headers_have_it(place: Place) -> None:
    change = {"op": "update", "id": (await place.company())["id"]}
    for version, sent in enumerate((1, "2", '"3"', "*", None), start=1):
        data = {"industry": f"Rail {version}"}
        [result] = await batch(place, "/companies", change | {"ifMatch": sent, "data": data})
        assert result["status"] == 200, sent
    [result] = await batch(place, "/companies", change | {"ifMatch": '"1"', "data": {"industry": "Ships"}})
    assert (result["status"], result["error"]["code"]) == (412, "STALE_VERSION")
