"""From where an organisation lets people in, through the real gateway, which alone says where somebody is."""

from collections.abc import Iterator
from functools import partial

import pytest
from tests.e2e.conftest import People
from tests.e2e.stage import eventually
from tests.e2e.visitor import Json, Visitor, envelope

OFFICE, HOME = "127.0.0.1", "127.5.0.5"
POLICIES = "/settings/policies"
REFUSED = (403, "IP_NOT_ALLOWED")
SECONDS = 5.0
CLAIMS = ("X-Forwarded-For", "X-Real-Ip", "X-Envoy-External-Address", "True-Client-Ip", "X-Execos-Address")
DOORS = ("/deals", "/work-items", "/invoices", "/notifications", "/audit", "/org", "/auth/me")


def told(visitor: Visitor, path: str, *, method: str = "GET", **headers: str) -> tuple[int, str | None]:
    """Status and code of an answer."""
    answer = visitor.ask(method, f"/api/v1{path}", headers=headers)
    return answer.status_code, None if answer.is_success else envelope(answer)["code"]


def is_shut(visitor: Visitor, path: str) -> bool:
    """Whether the list keeps somebody out of a door."""
    return told(visitor, path) == REFUSED


@pytest.fixture
def owner(visit: People) -> Iterator[Visitor]:
    """An owner whose organisation has its policies back afterwards."""
    owner = visit("owner@globex.example")
    before = owner.get(POLICIES)
    yield owner
    owner.put(POLICIES, before)


def allow(owner: Visitor, networks: list[str]) -> Json:
    """Ask for a list of addresses; the answer's status and body."""
    body = owner.get(POLICIES) | {"ipRestrictionEnabled": True, "ipAllowlist": networks}
    answer = owner.ask("PUT", f"/api/v1{POLICIES}", json=body)
    return {"status": answer.status_code, **answer.json()}


def test_only_the_office_comes_in_whatever_is_claimed_and_with_whatever_is_shown(
    visit: People, owner: Visitor
) -> None:
    key = {"X-Api-Key": owner.post("/org/api-tokens", {"name": "List", "scopes": ["deals:read"]})["token"]}
    stranger, guest, program = (visit(address=HOME) for _ in range(3))
    guest.sign_in("sales@globex.example")
    stranger.token = owner.token
    assert [allow(owner, wrong)["status"] for wrong in ([], ["10.0.0.0/8"], ["2001:db8::/32"])] == [400] * 3
    assert allow(owner, ["2001:db8::/32", f"::ffff:{OFFICE}/128"])["ipAllowlist"][1] == OFFICE

    for path in DOORS:
        eventually(partial(is_shut, stranger, path), f"a closed door at {path}", seconds=SECONDS)
        assert told(owner, path)[0] == 200
    for name in CLAIMS:
        assert told(stranger, "/deals", **{name: OFFICE}) == REFUSED, name
    assert told(stranger, "/deals", Forwarded=f"for={OFFICE}") == REFUSED
    assert told(guest, "/auth/refresh", method="POST", **{"X-Forwarded-For": OFFICE}) == REFUSED
    assert told(program, "/deals", **key) == REFUSED
    assert told(visit(), "/deals", **key) == (200, None)
