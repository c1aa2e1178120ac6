"""Who may use which door."""

from typing import Any

import pytest
from services.reporting.tests.place import Place

DOORS: list[tuple[str, str, str, Any]] = [
    ("GET", "/ceo/health-score", "health-score:read", None),
    ("GET", "/ceo/health-score/explain", "health-score:read", None),
    ("GET", "/ceo/health-score/history", "health-score:read", None),
    ("GET", "/dashboard/ceo", "dashboard:read", None),
    ("GET", "/hygiene/inbox", "hygiene:read", None),
    ("GET", "/audit", "audit:read", None),
    ("GET", "/audit/verify", "audit:read", None),
    ("GET", "/audit/export.csv", "audit:export", None),
    ("GET", "/jobs", "jobs:read", None),
    ("GET", "/jobs/runs?name=reporting.compute-health-score", "jobs:read", None),
    ("POST", "/jobs/run", "jobs:run", {"name": "reporting.compute-health-score"}),
    ("POST", "/jobs/compute-health-score", "jobs:run", None),
]
SCOPES = {permission for _, _, permission, _ in DOORS}


@pytest.mark.parametrize(("method", "path", "permission", "body"), DOORS)
async def test_door_opens_to_its_permission_alone(
    place: Place, method: str, path: str, permission: str, body: Any
) -> None:
    url = f"/api/v1{path}"
    async with place.stand.client(*(SCOPES - {permission}), "deals:read") as denied:
        answer = await denied.request(method, url, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    async with place.stand.anonymous() as nobody:
        assert (await nobody.request(method, url, json=body)).status_code == 401
    async with place.stand.client(permission) as allowed:
        assert (await allowed.request(method, url, json=body)).status_code in {200, 202}


def test_every_door_is_in_the_table(place: Place) -> None:
    documented = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in place.stand.app.openapi()["paths"].items()
        for method, operation in operations.items()
        if not operation.get("x-public")
    }
    tested = {(method, path.partition("?")[0]) for method, path, _, _ in DOORS}
    assert documented - tested == {("GET", "/jobs/runs/{run_id}")}
