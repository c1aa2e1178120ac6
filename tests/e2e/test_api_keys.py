"""API keys through the real gateway: one key, what it opens, and how soon it opens nothing."""

from collections.abc import Callable
from functools import partial

import httpx2
from tests.e2e.conftest import People
from tests.e2e.stage import eventually
from tests.e2e.visitor import Visitor, envelope

DEALS = "/api/v1/deals"


def test_a_key_opens_its_scope_at_its_organisation_and_is_dead_soon_after_it_is_revoked(
    visit: People, person: Callable[[str], Visitor]
) -> None:
    owner = person("owner")
    made = owner.post("/org/api-tokens", {"name": "Journey", "scopes": ["deals:read", "companies:write"]})
    key = {"X-Api-Key": made["token"]}
    nobody, at_acme, at_globex = (
        visit(),
        *(visit(host=f"{slug}.execos.localhost") for slug in ("acme", "globex")),
    )

    def status(visitor: Visitor, method: str, path: str, **request: object) -> int:
        answer: httpx2.Response = visitor.ask(method, f"/api/v1{path}", headers=key, **request)
        return answer.status_code

    assert [status(each, "GET", "/deals") for each in (nobody, at_acme, at_globex)] == [200, 200, 401]
    assert nobody.ask("GET", DEALS, headers={"Authorization": f"Bearer {made['token']}"}).status_code == 200
    assert status(nobody, "POST", "/companies", json={"name": "Made by a key"}) == 201
    for method, path in (
        ("GET", "/leads"),
        ("GET", "/auth/me"),
        ("GET", "/org/api-tokens"),
        ("GET", "/users"),
    ):
        assert status(nobody, method, path) == 403
    wrong = nobody.ask("GET", DEALS, headers={"X-Api-Key": made["token"] + "x"})
    assert (wrong.status_code, envelope(wrong)["code"]) == (401, "UNAUTHORIZED")
    assert wrong.headers["www-authenticate"] == "Bearer"

    new = owner.post(f"/org/api-tokens/{made['id']}/rotate", {"overlapMinutes": 5})
    for text in (made["token"], new["token"]):
        assert nobody.ask("GET", DEALS, headers={"X-Api-Key": text}).status_code == 200
    for each in (made, new):
        assert owner.ask("DELETE", f"/api/v1/org/api-tokens/{each['id']}").status_code == 204
        shown = partial(nobody.ask, "GET", DEALS, headers={"X-Api-Key": each["token"]})
        eventually(partial(_is_refused, shown), "the end of the key", seconds=5)


def test_a_demotion_reaches_the_keys_of_the_demoted_in_every_service(visit: People) -> None:
    owner, ceo, nobody = visit("owner@globex.example"), visit("ceo@globex.example"), visit()
    me = ceo.get("/auth/me")["id"]
    made = ceo.post("/org/api-tokens", {"name": "Demoted", "scopes": ["invoices:read", "work-items:read"]})

    def answers() -> list[int]:
        asked = (
            nobody.ask("GET", path, headers={"X-Api-Key": made["token"]})
            for path in ("/api/v1/invoices", "/api/v1/work-items")
        )
        return [answer.status_code for answer in asked]

    assert answers() == [200, 200]
    try:
        owner.post(f"/users/{me}/roles", {"role": "OPS"})
        eventually(lambda: answers() == [403, 200], "the end of what an operator may not", seconds=5)
    finally:
        owner.post(f"/users/{me}/roles", {"role": "CEO"})
    eventually(lambda: answers() == [200, 200], "all of it again", seconds=5)


def _is_refused(ask: Callable[[], httpx2.Response]) -> bool:
    return ask().status_code == 401
