"""Who may use which door, and rows that are not there."""

from typing import Any
from uuid import uuid4

import pytest
from services.work.tests.place import Place

DOORS: list[tuple[str, str, str, Any]] = [
    ("GET", "", "work-items:read", None),
    ("POST", "", "work-items:write", {"title": "x"}),
    ("GET", "/{id}", "work-items:read", None),
    ("PATCH", "/{id}", "work-items:write", {"title": "x"}),
    ("POST", "/{id}/transition", "work-items:write", {"status": "BLOCKED"}),
    ("POST", "/{id}/complete", "work-items:complete", None),
    ("POST", "/{id}/reopen", "work-items:reopen", None),
    ("GET", "/{id}/activity", "work-items:read", None),
]
SCOPES = {"work-items:read", "work-items:write", "work-items:complete", "work-items:reopen", "deals:write"}


@pytest.mark.parametrize(("method", "path", "permission", "body"), DOORS)
async def test_door_opens_to_its_permission_alone(
    place: Place, method: str, path: str, permission: str, body: Any
) -> None:
    item = await place.item(status="DONE" if path.endswith("reopen") else "TODO")
    url = f"/api/v1/work-items{path.format(id=item['id'])}"
    if not path and method == "POST":
        body = place.body()
    async with place.stand.client(*(SCOPES - {permission})) as denied:
        answer = await denied.request(method, url, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    async with place.stand.anonymous() as nobody:
        assert (await nobody.request(method, url, json=body)).status_code == 401
    async with place.stand.client(permission) as allowed:
        assert (await allowed.request(method, url, json=body)).status_code in {200, 201}


@pytest.mark.parametrize(
    ("method", "path", "permission", "body"), [door for door in DOORS if "{id}" in door[1]]
)
async def test_what_is_not_there_or_another_organisations_is_not_found(
    place: Place, method: str, path: str, permission: str, body: Any
) -> None:
    item = await place.item()
    org_id = uuid4()
    place.identity.add_organisation(org_id)
    url = "/api/v1/work-items" + path
    async with place.stand.client(permission, org_id=org_id) as stranger:
        for row_id in (item["id"], str(uuid4())):
            answer = await stranger.request(method, url.format(id=row_id), json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert (await stranger.request(method, url.format(id="x"), json=body)).status_code == 400
    assert await place.read(item) == item


async def test_history_says_who_changed_what(place: Place) -> None:
    item = await place.item(dueDate=place.day(1))
    place.stand.clock.advance(minutes=1)
    await place.patch(item, title="Renamed", dueDate=place.day(2))
    answer = await place.api.get(f"/api/v1/work-items/{item['id']}/activity")
    change, creation = answer.json()["items"]
    assert (change["action"], change["entityType"], change["entityId"]) == ("UPDATE", "WORK_ITEM", item["id"])
    assert change["actorUser"]["id"] == str(place.stand.user_id)
    assert change["before"] == {"title": "Paint the fence", "dueDate": place.day(1)}
    assert change["after"] == {"title": "Renamed", "dueDate": place.day(2)}
    assert (creation["action"], creation["before"], creation["after"]["title"]) == (
        "CREATE",
        None,
        "Paint the fence",
    )
    ordered = await place.api.get(f"/api/v1/work-items/{item['id']}/activity?sortBy=action&sortDir=asc")
    assert [entry["action"] for entry in ordered.json()["items"]] == ["CREATE", "UPDATE"]


async def test_default_due_date_is_in_the_history(place: Place) -> None:
    item = await place.item()
    entries = (await place.api.get(f"/api/v1/work-items/{item['id']}/activity")).json()["items"]
    [entry] = [entry for entry in entries if entry["action"] == "AUTO_DUE_DATE_SET"]
    assert (entry["before"], entry["after"]) == (None, {"dueDate": place.day(3)})
    assert len(await place.stand.facts("work.activity.recorded.v1")) == 2
