"""Members: given another role, suspended, removed, made the owner."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from services.identity.tests.place import Place

from identity.domain.members import MemberState
from identity.domain.roles import Role


def _code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def _events(place: Place) -> list[tuple[str, str, str]]:
    facts = await place.facts("security_event.raised")
    return [(fact.message.type, fact.message.severity, fact.message.user_id) for fact in facts]


async def test_a_member_gets_another_role_and_status(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.SALES)
    path = f"/org/members/{person.id}"
    answer = await owner.browser.patch(path, json={"role": "ops", "status": "suspended"})
    member = answer.json()
    assert (answer.status_code, member["role"], member["status"], member["userId"]) == (
        200,
        "OPS",
        "suspended",
        str(person.id),
    )
    assert (await owner.browser.patch(path, json={"status": "suspended"})).json()["version"] == 3
    back = await owner.browser.patch(path, json={"status": "active"}, headers={"if-match": '"3"'})
    assert (back.json()["status"], back.json()["version"]) == ("active", 4)
    assert await place.stand.actions(person.id) == [
        "ORG_MEMBER_UPDATED",
        "USER_DEACTIVATE",
        "USER_REACTIVATE",
    ]
    told = await place.facts("member.role_changed", "member.suspended", "member.reactivated")
    assert [fact.version for fact in told] == [2, 3, 4]
    assert (await owner.browser.patch(path, json={})).status_code == 200


@pytest.mark.parametrize("body", [{"status": "removed"}, {"status": None}, {"role": "KING"}, {"name": "X Y"}])
async def test_what_no_member_can_become_is_refused(place: Place, body: dict[str, Any]) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.SALES)
    assert _code(await owner.browser.patch(f"/org/members/{person.id}", json=body)) == (
        400,
        "VALIDATION_ERROR",
    )


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/users/{}"), ("POST", "/users/{}/roles"), ("PATCH", "/org/members/{}")]
)
async def test_whichever_door_changes_the_role_it_is_the_only_role_there_is(
    place: Place, method: str, path: str
) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.SALES)
    await person.sign_in()
    answer = await owner.browser.request(method, path.format(person.id), json={"role": "FINANCE"})
    assert (answer.status_code, answer.json()["role"]) == (200, "FINANCE")
    for again in (person.refresh, person.sign_in):
        assert (await again()).status_code == 200
        me = (await person.browser.get("/auth/me")).json()
        assert (me["role"], "invoices:send" in me["permissions"]) == ("FINANCE", True)
        assert [each["role"] for each in me["memberships"]] == ["FINANCE"]


async def test_removal_ends_membership_and_sessions_at_once(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.SALES)
    elsewhere = await place.join(Role.FINANCE, at=await place.open(), email=person.email)
    await person.sign_in(orgSlug=person.slug)
    await elsewhere.sign_in(orgSlug=elsewhere.slug)
    assert (await owner.browser.delete(f"/org/members/{person.id}")).status_code == 204
    assert [fact.message.reason for fact in await place.facts("session.revoked")] == ["removed"]
    (removed,) = await place.facts("member.removed")
    assert (removed.message.member.status, removed.version) == ("removed", 2)
    assert await place.stand.actions(person.id) == ["ORG_MEMBER_REMOVED"]
    assert (await person.refresh()).status_code == 401
    assert (await person.sign_in(orgSlug=person.slug)).status_code == 401
    assert (await elsewhere.refresh()).status_code == 200
    switch = await elsewhere.browser.post("/auth/switch-org", json={"orgId": str(owner.org_id)})
    assert _code(switch) == (403, "FORBIDDEN")
    memberships = (await elsewhere.browser.get("/auth/me")).json()["memberships"]
    assert [each["orgId"] for each in memberships] == [str(elsewhere.org_id)]
    assert (await owner.browser.get(f"/users/{person.id}")).status_code == 404
    again = await owner.browser.delete(f"/org/members/{person.id}")
    assert _code(again) == (404, "NOT_FOUND")


async def test_who_comes_back_has_a_higher_version(place: Place) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.SALES)
    await owner.browser.delete(f"/org/members/{person.id}")
    body = {"name": "Back Again", "email": person.email, "role": "OPS"}
    assert (await owner.browser.post("/users", json=body)).json()["version"] == 3


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
async def test_ceo_touches_neither_owner_nor_admin_as_a_member(place: Place, role: Role) -> None:
    ceo, high, low = await place.act(Role.CEO), await place.join(role), await place.join(Role.SALES)
    await place.join(Role.OWNER)
    for answer in (
        await ceo.browser.patch(f"/org/members/{high.id}", json={"role": "SALES"}),
        await ceo.browser.patch(f"/org/members/{high.id}", json={"status": "suspended"}),
        await ceo.browser.delete(f"/org/members/{high.id}"),
        await ceo.browser.post(f"/users/{high.id}/roles", json={"role": "SALES"}),
        await ceo.browser.patch(f"/org/members/{low.id}", json={"role": role}),
        await ceo.browser.post(f"/users/{low.id}/roles", json={"role": role}),
    ):
        assert _code(answer) == (403, "FORBIDDEN")
    assert (await ceo.browser.delete(f"/org/members/{low.id}")).status_code == 204


async def test_the_last_owner_is_not_removed_and_does_not_leave(place: Place) -> None:
    owner, admin = place.owner, await place.act(Role.ADMIN)
    await owner.sign_in()
    path = f"/org/members/{owner.id}"
    for answer in (
        await admin.browser.delete(path),
        await owner.browser.delete(path),
        await admin.browser.patch(path, json={"status": "suspended"}),
        await admin.browser.patch(path, json={"role": "ADMIN", "status": "suspended"}),
    ):
        assert _code(answer) == (409, "LAST_OWNER")
    await place.join(Role.OWNER)
    assert (await owner.browser.delete(path)).status_code == 204
    assert (await owner.refresh()).status_code == 401


async def test_owners_who_all_leave_at_once_leave_one_behind(place: Place) -> None:
    await place.owner.sign_in()
    await place.join(Role.OWNER, status=MemberState.SUSPENDED)  # who does not count
    owners = [place.owner, await place.act(Role.OWNER), await place.act(Role.OWNER)]
    await place.warm()
    answers = await asyncio.gather(*(owner.browser.delete(f"/org/members/{owner.id}") for owner in owners))
    assert sorted(answer.status_code for answer in answers) == [204, 204, 409]


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
async def test_power_that_is_given_is_a_security_event(place: Place, role: Role) -> None:
    owner, person = await place.act(Role.OWNER), await place.join(Role.SALES)
    await owner.browser.patch(f"/org/members/{person.id}", json={"role": "FINANCE"})
    assert await _events(place) == []
    await owner.browser.patch(f"/org/members/{person.id}", json={"role": role})
    assert await _events(place) == [("ADMIN_ROLE_GRANTED", "CRITICAL", str(person.id))]


async def test_who_shuts_out_more_than_three_people_in_ten_minutes_is_noticed_once(place: Place) -> None:
    admin, other = await place.act(Role.ADMIN), await place.act(Role.OWNER)
    people = [await place.join(Role.SALES) for _ in range(9)]
    for person in people[:2]:
        await admin.browser.post(f"/users/{person.id}/deactivate")
    await other.browser.delete(f"/org/members/{people[2].id}")
    place.stand.clock.advance(minutes=9)
    await admin.browser.delete(f"/org/members/{people[3].id}")
    assert await _events(place) == []
    for person in people[4:6]:
        await admin.browser.delete(f"/org/members/{person.id}")
    assert await _events(place) == [("BULK_USER_DEACTIVATION", "HIGH", str(admin.id))]
    place.stand.clock.advance(minutes=11)
    for person in people[6:9]:
        await admin.browser.delete(f"/org/members/{person.id}")
    assert len(await _events(place)) == 1


async def test_ownership_is_handed_over(place: Place) -> None:
    owner, heir = place.owner, await place.join(Role.DIRECTOR)
    await owner.sign_in()
    answer = await owner.browser.post("/org/transfer-ownership", json={"userId": str(heir.id)})
    assert (answer.status_code, answer.json()["id"], answer.json()["role"]) == (200, str(heir.id), "OWNER")
    changed = {
        fact.message.member.user_id: fact.message.member.role
        for fact in await place.facts("member.role_changed")
    }
    assert changed == {str(heir.id): "OWNER", str(owner.id): "ADMIN"}
    assert await _events(place) == [("ADMIN_ROLE_GRANTED", "CRITICAL", str(heir.id))]
    assert await place.stand.actions(heir.id) == ["OWNERSHIP_TRANSFER"]
    await owner.refresh()
    again = await owner.browser.post("/org/transfer-ownership", json={"userId": str(owner.id)})
    assert _code(again) == (403, "FORBIDDEN")
    await heir.sign_in()
    back = await heir.browser.post("/org/transfer-ownership", json={"userId": str(owner.id)})
    assert back.status_code == 200


async def test_an_owner_hands_over_once_even_with_two_hands(place: Place) -> None:
    await place.owner.sign_in()
    heirs = [await place.join(Role.SALES) for _ in range(3)]
    answers = await asyncio.gather(
        *(
            place.owner.browser.post("/org/transfer-ownership", json={"userId": str(heir.id)})
            for heir in heirs
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403]


async def test_only_an_active_other_member_can_become_the_owner(place: Place) -> None:
    owner = place.owner
    await owner.sign_in()
    stranger = await place.join(Role.SALES, at=await place.open())
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    invited = await place.join(Role.SALES, status=MemberState.INVITED)
    for user_id in (owner.id, stranger.id, suspended.id, invited.id, uuid4()):
        answer = await owner.browser.post("/org/transfer-ownership", json={"userId": str(user_id)})
        assert _code(answer) == (400, "BAD_REQUEST")
    assert not await place.facts("member.role_changed")


async def test_admin_is_not_the_owner_whatever_wildcard_they_hold(place: Place) -> None:
    admin, heir = await place.act(Role.ADMIN), await place.join(Role.SALES)
    answer = await admin.browser.post("/org/transfer-ownership", json={"userId": str(heir.id)})
    assert _code(answer) == (403, "FORBIDDEN")
    answer = await admin.browser.patch(f"/org/members/{heir.id}", json={"role": "OWNER"})
    assert _code(answer) == (403, "FORBIDDEN")


async def test_members_of_others_do_not_exist(place: Place) -> None:
    stranger = await place.join(Role.SALES, at=await place.open())
    owner = await place.act(Role.OWNER)
    for answer in (
        await owner.browser.patch(f"/org/members/{stranger.id}", json={"role": "OPS"}),
        await owner.browser.delete(f"/org/members/{stranger.id}"),
        await owner.browser.post(f"/users/{stranger.id}/roles", json={"role": "OPS"}),
    ):
        assert _code(answer) == (404, "NOT_FOUND")


async def test_the_owner_has_the_organisation_deleted_after_saying_its_name(place: Place) -> None:
    await place.owner.sign_in()
    for confirm in ("", "another-one", place.owner.slug.upper() + "x"):
        answer = await place.owner.browser.post("/org/delete", json={"confirm": confirm})
        assert _code(answer) == (400, "VALIDATION_ERROR")
    answer = await place.owner.browser.post("/org/delete", json={"confirm": place.owner.slug})
    assert (answer.status_code, answer.json()["status"], answer.json()["slug"]) == (
        200,
        "archived",
        place.owner.slug,
    )
    assert len(await place.facts("organisation.archived")) == 1
    assert await place.stand.actions(place.owner.org_id) == ["ORG_CREATE", "ORG_ARCHIVE"]
    assert _code(await place.owner.refresh()) == (403, "ORGANISATION_INACTIVE")
    assert _code(await place.owner.sign_in()) == (403, "ORGANISATION_INACTIVE")


async def test_who_handed_the_organisation_over_does_not_delete_it_with_an_old_token(place: Place) -> None:
    await place.owner.sign_in()
    heir = await place.join(Role.DIRECTOR)
    await place.owner.browser.post("/org/transfer-ownership", json={"userId": str(heir.id)})
    answer = await place.owner.browser.post("/org/delete", json={"confirm": place.owner.slug})
    assert _code(answer) == (403, "FORBIDDEN")
