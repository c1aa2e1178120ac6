"""Roles of an organisation's own, what it changes of system roles, and why somebody may do something."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from services.identity.tests.place import Person, Place

from identity.domain.members import MemberState
from identity.domain.permissions import SENSITIVE
from identity.domain.roles import Role


def _code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def _define(person: Person, *permissions: str, key: str = "skipper") -> httpx2.Response:
    body = {"key": key, "name": "Harbour skipper", "permissions": list(permissions)}
    return await person.browser.post("/roles", json=body)


async def _override(person: Person, key: str, *, grants: list[str] = [], denies: list[str] = []) -> Any:  # noqa: B006
    return await person.browser.put(f"/roles/{key}/overrides", json={"grants": grants, "denies": denies})


async def _scope(place: Place, person: Person) -> set[str]:
    """What a person's new token may do."""
    assert (await person.sign_in()).status_code == 200
    me: dict[str, Any] = (await person.browser.get("/auth/me")).json()
    return set(me["permissions"])


async def test_a_role_of_ones_own_is_what_its_holders_may_do(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.VIEWER)
    made = await _define(owner, "users:read", "deals:read")
    role = made.json()
    assert (made.status_code, role["key"], role["isSystem"], role["version"]) == (201, "SKIPPER", False, 1)
    assert role["permissions"] == ["deals:read", "users:read"]
    assert (await owner.browser.get(f"/roles/{role['id']}")).json() == role
    answer = await owner.browser.post(f"/users/{person.id}/roles", json={"role": "Skipper"})
    assert (answer.status_code, answer.json()["role"]) == (200, "SKIPPER")
    assert await _scope(place, person) == {"users:read", "deals:read"}
    for path in ("/users?role=skipper", "/org/members?role=SKIPPER"):
        items = (await owner.browser.get(path)).json()["items"]
        assert [item["id"] for item in items] == [str(person.id)]
    assert "SKIPPER" in (await owner.browser.get("/directory/users")).text
    assert (await person.browser.get("/users")).status_code == 200
    assert _code(await person.browser.get("/org")) == (403, "FORBIDDEN")
    facts = await place.facts("role.created", "member.role_changed")
    assert [fact.type for fact in facts] == ["identity.role.created.v1", "identity.member.role_changed.v1"]
    assert (facts[0].message.role.key, facts[0].message.role.is_system) == ("SKIPPER", False)
    assert await place.stand.actions(role["id"]) == ["CREATE"]


async def test_a_change_of_a_role_ages_the_tokens_of_its_holders(place: Place) -> None:
    owner, holder, other = (
        await place.act(Role.OWNER),
        await place.join(Role.VIEWER),
        await place.join(Role.VIEWER),
    )
    role = (await _define(owner, "users:read", "deals:read")).json()
    await owner.browser.post(f"/users/{holder.id}/roles", json={"role": "skipper"})
    path = f"/roles/{role['id']}"
    renamed = await owner.browser.patch(path, json={"name": "Captain"})
    assert (renamed.json()["name"], renamed.json()["version"]) == ("Captain", 2)
    changed = await owner.browser.patch(path, json={"permissions": ["deals:read"]})
    assert changed.json()["permissions"] == ["deals:read"]
    same = await owner.browser.patch(path, json={"permissions": ["deals:read"], "name": "Captain"})
    assert same.json()["version"] == 3
    told = await place.facts("member.role_changed")
    assert [(fact.message.member.user_id, fact.version) for fact in told] == [
        (str(holder.id), 2),
        (str(holder.id), 3),
    ]
    assert (await owner.browser.get(f"/users/{other.id}")).json()["version"] == 1
    assert await _scope(place, holder) == {"deals:read"}
    assert [fact.version for fact in await place.facts("role.updated")] == [2, 3]
    stale = await owner.browser.patch(path, json={"name": "Third"}, headers={"if-match": '"2"'})
    assert _code(stale) == (412, "STALE_VERSION")


async def test_a_role_is_deleted_when_nobody_has_it(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.VIEWER)
    role = (await _define(owner, "deals:read")).json()
    path = f"/roles/{role['id']}"
    await owner.browser.post(f"/users/{person.id}/roles", json={"role": "SKIPPER"})
    assert _code(await owner.browser.delete(path)) == (409, "ROLE_IN_USE")
    await owner.browser.post(f"/users/{person.id}/deactivate")
    assert _code(await owner.browser.delete(path)) == (409, "ROLE_IN_USE")
    await owner.browser.post(f"/users/{person.id}/roles", json={"role": "SALES"})
    assert (await owner.browser.delete(path)).status_code == 204
    assert _code(await owner.browser.get(path)) == (404, "NOT_FOUND")
    assert [fact.message.role.key for fact in await place.facts("role.deleted")] == ["SKIPPER"]
    assert await place.stand.actions(role["id"]) == ["CREATE", "DELETE"]
    answer = await owner.browser.post(f"/users/{person.id}/roles", json={"role": "SKIPPER"})
    assert _code(answer) == (400, "VALIDATION_ERROR")


async def test_a_role_that_is_given_and_deleted_at_once_is_one_or_the_other(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.VIEWER)
    role = (await _define(owner, "deals:read")).json()
    given, deleted = await asyncio.gather(
        owner.browser.post(f"/users/{person.id}/roles", json={"role": "SKIPPER"}),
        owner.browser.delete(f"/roles/{role['id']}"),
    )
    assert (given.status_code, deleted.status_code) in {(200, 409), (400, 204)}


@pytest.mark.parametrize("key", ["SKIPPER", "sKIPPER", "owner", "Sales_Manager", "api_key"])
async def test_a_key_is_taken_once_in_whatever_case(place: Place, key: str) -> None:
    owner = await place.act(Role.OWNER)
    await _define(owner, "deals:read")
    assert _code(await _define(owner, "deals:read", key=key)) == (409, "ROLE_EXISTS")
    other = await place.act(Role.OWNER, at=await place.open())
    assert (await _define(other, "deals:read")).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "x"}, "key"),
        ({"key": "1st"}, "key"),
        ({"key": "a-b"}, "key"),
        ({"key": "x" * 41}, "key"),
        ({"name": "x"}, "name"),
        ({"permissions": ["deals:fly"]}, "permissions"),
        ({"permissions": ["*"]}, "permissions"),
        ({"permissions": ["deals:*"]}, "permissions"),
        ({"permissions": ["ownership:manage"]}, "permissions"),
        ({"permissions": ["platform:manage"]}, "permissions"),
        ({"permissions": None}, "permissions"),
    ],
)
async def test_a_bad_role_names_its_field(place: Place, change: dict[str, Any], field: str) -> None:
    owner = await place.act(Role.OWNER)
    body = {"key": "SKIPPER", "name": "Harbour skipper", "permissions": ["deals:read"]} | change
    answer = await owner.browser.post("/roles", json=body)
    assert _code(answer) == (400, "VALIDATION_ERROR")
    assert [each["field"].partition(".")[0] for each in answer.json()["error"]["details"]] == [field]


async def test_nobody_gives_what_they_do_not_hold(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.SALES)
    role = (await _define(owner, "roles:read", "roles:manage", "users:read", key="warden")).json()
    await owner.browser.post(f"/users/{person.id}/roles", json={"role": "WARDEN"})
    await _override(owner, "ops", denies=["directory:read"])
    await person.sign_in()
    assert (await _define(person, "users:read", key="reader")).status_code == 201
    for answer in (
        await _define(person, "users:manage", key="puppet"),
        await person.browser.patch(f"/roles/{role['id']}", json={"permissions": ["invoices:void"]}),
        await _override(person, "SALES", grants=["invoices:void"]),
        await _override(person, "OPS"),  # taking a denial back gives too
        await _override(person, "ADMIN", denies=["roles:manage"]),
    ):
        assert _code(answer) == (403, "FORBIDDEN")
    assert (await _override(person, "SALES", denies=["leads:read"])).status_code == 200
    kept = {"permissions": ["roles:read", "users:read", "roles:manage"]}
    assert (await person.browser.patch(f"/roles/{role['id']}", json=kept)).status_code == 200


async def test_ceo_defines_no_roles_and_gives_none_that_administers(place: Place) -> None:
    owner, ceo, person = (
        await place.act(Role.OWNER),
        await place.act(Role.CEO),
        await place.join(Role.SALES),
    )
    assert _code(await _define(ceo, "deals:read")) == (403, "FORBIDDEN")
    assert _code(await _override(ceo, "SALES", grants=["deals:read"])) == (403, "FORBIDDEN")
    path = f"/users/{person.id}/roles"
    for number, permission in enumerate(sorted(SENSITIVE - {"ownership:manage"})):
        key = f"high_{number}"
        assert (await _define(owner, permission, "deals:read", key=key)).status_code == 201
        assert _code(await ceo.browser.post(path, json={"role": key})) == (403, "FORBIDDEN"), permission
    await _define(owner, "deals:write", "invoices:send")
    assert (await ceo.browser.post(path, json={"role": "SKIPPER"})).status_code == 200
    assert (await ceo.browser.post(path, json={"role": "CEO"})).status_code == 200
    await _override(owner, "OPS", grants=["users:manage"])
    assert _code(await ceo.browser.post(path, json={"role": "OPS"})) == (403, "FORBIDDEN")


async def test_who_manages_people_by_a_role_of_ones_own_makes_nobody_greater(place: Place) -> None:
    owner, person, other = (
        await place.act(Role.OWNER),
        await place.join(Role.VIEWER),
        await place.join(Role.OPS),
    )
    await _define(owner, "users:manage", "users:read", "companies:read", key="hr")
    await _define(owner, "companies:read", key="guest")
    await owner.browser.post(f"/users/{person.id}/roles", json={"role": "HR"})
    await person.sign_in()
    for role in ("OWNER", "ADMIN", "CEO", "HR", "DIRECTOR", "SALES", "VIEWER"):
        answer = await person.browser.post(f"/users/{other.id}/roles", json={"role": role})
        assert _code(answer) == (403, "FORBIDDEN"), role
        invited = {"name": "Acc Omplice", "email": f"{role.lower()}@accomplice.example", "role": role}
        assert _code(await person.browser.post("/users", json=invited)) == (403, "FORBIDDEN"), role
    for role in ("GUEST", "CASHIER"):
        answer = await person.browser.post(f"/users/{other.id}/roles", json={"role": role})
        assert answer.status_code == 200, role


async def test_an_override_gives_and_takes(place: Place) -> None:
    owner, seller = await place.act(Role.OWNER), await place.join(Role.SALES)
    assert "deals:win" in await _scope(place, seller)
    answer = await _override(owner, "sales", grants=["users:read"], denies=["deals:win"])
    assert answer.json() == {
        "key": "SALES",
        "version": 1,
        "grants": ["users:read"],
        "denies": ["deals:win"],
    }
    assert (await owner.browser.get("/roles/SALES/overrides")).json() == answer.json()
    allowed = await _scope(place, seller)
    assert "users:read" in allowed
    assert "deals:win" not in allowed
    assert (await seller.browser.get("/users")).status_code == 200
    told = await place.facts("role.updated", "member.role_changed")
    assert [fact.type for fact in told] == ["identity.role.updated.v1", "identity.member.role_changed.v1"]
    assert (told[0].message.role.key, told[0].message.role.is_system) == ("SALES", True)
    assert "deals:win" not in told[0].message.role.permissions
    assert (await _override(owner, "SALES", grants=["users:read"], denies=["deals:win"])).json()[
        "version"
    ] == 1
    await _override(owner, "SALES")
    assert "deals:win" in await _scope(place, seller)
    roles = {role["key"]: role for role in (await owner.browser.get("/roles")).json()["items"]}
    assert set(roles) == {role.value for role in Role}
    assert (roles["SALES"]["version"], roles["OPS"]["version"], roles["OPS"]["name"]) == (2, None, "Ops")


async def test_what_is_taken_from_admins_is_in_no_wildcard(place: Place) -> None:
    owner, admin = await place.act(Role.OWNER), await place.join(Role.ADMIN)
    await _override(owner, "ADMIN", denies=["policies:manage"])
    assert "policies:manage" not in await _scope(place, admin)
    policies = (await admin.browser.get("/settings/policies")).json()
    assert _code(await admin.browser.put("/settings/policies", json=policies)) == (403, "FORBIDDEN")
    assert (await admin.browser.get("/org")).status_code == 200


@pytest.mark.parametrize(
    ("key", "body", "refused"),
    [
        ("OWNER", {"grants": [], "denies": ["deals:read"]}, (409, "CONFLICT")),
        ("SKIPPER", {"grants": [], "denies": []}, (404, "NOT_FOUND")),
        ("SALES", {"grants": ["deals:fly"], "denies": []}, (400, "VALIDATION_ERROR")),
        ("SALES", {"grants": ["ownership:manage"], "denies": []}, (400, "VALIDATION_ERROR")),
        ("SALES", {"grants": [], "denies": ["*"]}, (400, "VALIDATION_ERROR")),
        ("SALES", {"grants": ["deals:read"], "denies": ["deals:read"]}, (400, "VALIDATION_ERROR")),
        ("SALES", {"grants": []}, (400, "VALIDATION_ERROR")),
    ],
)
async def test_a_bad_override_is_refused(
    place: Place, key: str, body: dict[str, Any], refused: tuple[int, str]
) -> None:
    owner = await place.act(Role.OWNER)
    await _define(owner, "deals:read")
    assert _code(await owner.browser.put(f"/roles/{key}/overrides", json=body)) == refused


async def test_roles_of_others_do_not_exist(place: Place) -> None:
    other = await place.act(Role.OWNER, at=await place.open())
    theirs = (await _define(other, "deals:read")).json()
    await _override(other, "SALES", denies=["deals:read"])
    owner, person = await place.act(Role.OWNER), await place.join(Role.VIEWER)
    for answer in (
        await owner.browser.get(f"/roles/{theirs['id']}"),
        await owner.browser.patch(f"/roles/{theirs['id']}", json={"name": "Mine"}),
        await owner.browser.delete(f"/roles/{theirs['id']}"),
    ):
        assert _code(answer) == (404, "NOT_FOUND")
    answer = await owner.browser.post(f"/users/{person.id}/roles", json={"role": "SKIPPER"})
    assert _code(answer) == (400, "VALIDATION_ERROR")
    assert (await owner.browser.get("/roles/SALES/overrides")).json()["denies"] == []
    assert "SKIPPER" not in (await owner.browser.get("/roles")).text


async def test_an_explanation_names_the_rule_that_decided(place: Place) -> None:
    owner, seller = await place.act(Role.OWNER), await place.join(Role.SALES)
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)

    async def explain(person: Person, permission: str) -> tuple[bool, str, list[str]]:
        answer = await owner.browser.get(f"/authz/explain?userId={person.id}&permission={permission}")
        assert answer.status_code == 200, answer.text
        found = answer.json()
        return found["allowed"], found["decidedBy"]["kind"], [rule["kind"] for rule in found["chain"]]

    assert await explain(seller, "deals:win") == (True, "role", ["membership", "module", "role"])
    assert await explain(seller, "users:manage") == (False, "role", ["membership", "role"])
    assert await explain(owner, "ownership:manage") == (True, "role", ["membership", "role"])
    assert await explain(suspended, "deals:win") == (False, "membership", ["membership", "module", "role"])
    await _override(owner, "SALES", grants=["users:manage"], denies=["deals:win"])
    assert (await explain(seller, "deals:win"))[:2] == (False, "override")
    assert (await explain(seller, "users:manage"))[:2] == (True, "override")
    await _define(owner, "deals:read")
    await owner.browser.post(f"/users/{seller.id}/roles", json={"role": "SKIPPER"})
    assert (await explain(seller, "deals:read"))[:2] == (True, "role")
    assert (await explain(seller, "deals:win"))[:2] == (False, "role")
    await place.change_organisation(owner, modules=["work"])
    assert (await explain(seller, "deals:read"))[:2] == (False, "module")
    query = f"/authz/explain?userId={uuid4()}&permission=deals:read"
    assert _code(await owner.browser.get(query)) == (404, "NOT_FOUND")
    query = f"/authz/explain?userId={seller.id}&permission=deals:fly"
    assert _code(await owner.browser.get(query)) == (400, "VALIDATION_ERROR")


async def test_an_organisation_without_the_feature_keeps_its_roles_as_they_are(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.VIEWER)
    role = (await _define(owner, "deals:read")).json()
    await owner.browser.post(f"/users/{person.id}/roles", json={"role": "SKIPPER"})
    tenants = place.stand.runtime.tenants
    rules = await tenants.rules(owner.org_id)
    tenants.learn(owner.org_id, replace(rules, version=rules.version + 1, features=frozenset()))
    for answer in (
        await _define(owner, "deals:read", key="other"),
        await owner.browser.get(f"/roles/{role['id']}"),
        await owner.browser.patch(f"/roles/{role['id']}", json={"name": "Captain"}),
        await owner.browser.delete(f"/roles/{role['id']}"),
        await owner.browser.get("/roles/SALES/overrides"),
        await _override(owner, "SALES", denies=["deals:read"]),
    ):
        assert _code(answer) == (403, "FEATURE_DISABLED")
    assert "SKIPPER" in (await owner.browser.get("/roles")).text
    assert await _scope(place, person) == {"deals:read"}
