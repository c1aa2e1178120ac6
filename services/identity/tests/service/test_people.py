"""People of an organisation: seen, invited, changed, suspended, restored."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from services.identity.tests.place import Person, Place

from identity.domain.members import MemberState
from identity.domain.roles import Role


def _invitation(**values: Any) -> dict[str, Any]:
    return {"name": "New Person", "email": f"{uuid4().hex}@new.example", "role": "sales"} | values


async def test_invited_person_is_a_member_who_cannot_sign_in_yet(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    body = _invitation(title="Rep", email="New.Person@New.Example")
    answer = await owner.browser.post("/users", json=body)
    assert answer.status_code == 201, answer.text
    user = answer.json()
    assert answer.headers["location"] == f"/api/v1/users/{user['id']}"
    assert (user["status"], user["isActive"], user["role"]) == ("invited", True, "SALES")
    assert (user["email"], user["name"], user["title"]) == ("new.person@new.example", "New Person", "Rep")
    assert user["joinedAt"] is None
    assert not {"password", "tempPassword"} & user.keys()
    assert (await owner.browser.get(f"https://service.test{answer.headers['location']}")).json() == user
    assert await place.stand.actions(user["id"]) == ["USER_CREATE"]
    facts = await place.facts("member.invited")
    assert [fact.message.member.user_id for fact in facts] == [user["id"]]
    guest = Person(owner.id, user["email"], owner.org_id, owner.slug, place.browser())
    assert (await guest.sign_in()).status_code == 401


async def test_invitation_reads_the_same_for_people_known_elsewhere(place: Place) -> None:
    elsewhere = await place.join(Role.CEO, at=await place.open())
    owner = await place.act(Role.OWNER)
    known, unknown = [
        (await owner.browser.post("/users", json=_invitation(email=email))).json()
        for email in (elsewhere.email, f"{uuid4().hex}@nobody.example")
    ]
    for user in (known, unknown):
        assert user["id"][14] == "4"
        for field in ("id", "email"):
            user.pop(field)
    assert known == unknown


async def test_nobody_is_invited_twice(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    body = _invitation()
    answers = await asyncio.gather(*(owner.browser.post("/users", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "ALREADY_MEMBER"
    assert len(await place.facts("member.invited")) == 1


async def test_same_key_invites_once_and_repeats_the_answer(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    body, key = _invitation(), {"idempotency-key": uuid4().hex}
    first = await owner.browser.post("/users", json=body, headers=key)
    again = await owner.browser.post("/users", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await owner.browser.post("/users", json=_invitation(), headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_nobody_invites_more_than_twenty_people_a_day(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    for _ in range(20):
        assert (await owner.browser.post("/users", json=_invitation())).status_code == 201
    answer = await owner.browser.post("/users", json=_invitation())
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "INVITATION_LIMIT")
    assert int(answer.headers["retry-after"]) > 0
    place.stand.clock.advance(hours=25)
    assert (await owner.browser.post("/users", json=_invitation())).status_code == 201


@pytest.mark.parametrize("host", ["works.test", "works.local", "works.example"])
async def test_people_with_mailboxes_of_a_private_network_are_welcome(place: Place, host: str) -> None:
    owner = await place.act(Role.OWNER)
    answer = await owner.browser.post("/users", json=_invitation(email=f"{uuid4().hex}@{host}"))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no address"},
        {"email": "a@b"},
        {"email": "x" * 190 + "@a.example"},
        {"name": "x"},
        {"name": "x" * 121},
        {"role": "KING"},
        {"role": None},
        {"password": "execos-demo-pass"},
        {"status": "active"},
        {"name": "a\x00b"},
        {"email": "a\r\nbcc: b@c.example@d.example"},
    ],
)
async def test_bad_invitation_names_its_field(place: Place, change: dict[str, Any]) -> None:
    owner = await place.act(Role.OWNER)
    answer = await owner.browser.post("/users", json=_invitation(**change))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert [issue["field"] for issue in answer.json()["error"]["details"]] == list(change)


async def test_changes_of_a_person_are_versioned_recorded_and_told(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    person = await place.join(Role.SALES)
    path = f"/users/{person.id}"
    renamed = await owner.browser.patch(path, json={"name": "Other Name", "title": "Lead"})
    assert (renamed.status_code, renamed.json()["name"], renamed.headers["etag"]) == (
        200,
        "Other Name",
        '"2"',
    )
    moved = await owner.browser.patch(path, json={"role": "ops", "title": None}, headers={"if-match": '"2"'})
    assert (moved.json()["role"], moved.json()["title"], moved.json()["version"]) == ("OPS", None, 3)
    same = await owner.browser.patch(path, json={"role": "OPS", "name": "Other Name"})
    assert same.json()["version"] == 3
    stale = await owner.browser.patch(path, json={"name": "Third"}, headers={"if-match": '"2"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "STALE_VERSION")
    assert await place.stand.actions(person.id) == ["USER_UPDATE", "USER_UPDATE"]
    facts = await place.facts("member.updated", "member.role_changed")
    assert [(fact.type, fact.version, fact.message.member.role) for fact in facts] == [
        ("identity.member.updated.v1", 2, "SALES"),
        ("identity.member.role_changed.v1", 3, "OPS"),
    ]


@pytest.mark.parametrize("body", [{"name": None}, {"role": None}, {"email": "a@b.example"}, {"version": 7}])
async def test_what_cannot_be_changed_is_refused(place: Place, body: dict[str, Any]) -> None:
    owner = await place.act(Role.OWNER)
    person = await place.join(Role.SALES)
    assert (await owner.browser.patch(f"/users/{person.id}", json=body)).status_code == 400


async def test_suspension_ends_the_sessions_here_and_only_here(place: Place) -> None:
    elsewhere = await place.open()
    person = await place.join(Role.SALES)
    there = await place.join(Role.FINANCE, at=elsewhere, email=person.email)
    await person.sign_in(orgSlug=place.owner.slug)
    await there.sign_in(orgSlug=elsewhere.slug)
    owner = await place.act(Role.OWNER)
    answer = await owner.browser.post(f"/users/{person.id}/deactivate")
    assert (answer.status_code, answer.json()["status"], answer.json()["isActive"]) == (
        200,
        "suspended",
        False,
    )
    revoked = await place.facts("session.revoked")
    assert [fact.message.reason for fact in revoked] == ["suspended"]
    assert [fact.message.member.status for fact in await place.facts("member.suspended")] == ["suspended"]
    assert (await person.refresh()).status_code == 401
    assert (await there.refresh()).status_code == 200
    assert (await person.sign_in(orgSlug=place.owner.slug)).status_code == 401


async def test_restored_person_gets_in_again(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    person = await place.join(Role.SALES)
    await owner.browser.post(f"/users/{person.id}/deactivate")
    answer = await owner.browser.post(f"/users/{person.id}/reactivate")
    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "active", 3)
    assert (await person.sign_in()).status_code == 200
    assert await place.stand.actions(person.id) == ["USER_DEACTIVATE", "USER_REACTIVATE"]
    assert [fact.version for fact in await place.facts("member.reactivated")] == [3]


async def test_restored_guest_is_a_guest_again(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    user = (await owner.browser.post("/users", json=_invitation())).json()
    await owner.browser.post(f"/users/{user['id']}/deactivate")
    answer = await owner.browser.post(f"/users/{user['id']}/reactivate")
    assert answer.json()["status"] == "invited"


@pytest.mark.parametrize("action", ["deactivate", "reactivate"])
async def test_repeated_move_is_refused(place: Place, action: str) -> None:
    owner = await place.act(Role.OWNER)
    person = await place.join(Role.SALES)
    if action == "deactivate":
        await owner.browser.post(f"/users/{person.id}/deactivate")
    answer = await owner.browser.post(f"/users/{person.id}/{action}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")


async def test_nobody_changes_their_own_role_or_deactivates_themselves(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    path = f"/users/{owner.id}"
    role = await owner.browser.patch(path, json={"role": "VIEWER"})
    assert (role.status_code, role.json()["error"]["code"]) == (409, "CONFLICT")
    out = await owner.browser.post(f"{path}/deactivate")
    assert (out.status_code, out.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert (await owner.browser.patch(path, json={"name": "My Self"})).status_code == 200


async def test_last_owner_stays(place: Place) -> None:
    admin = await place.act(Role.ADMIN)
    path = f"/users/{place.owner.id}"
    for answer in (
        await admin.browser.patch(path, json={"role": "ADMIN"}),
        await admin.browser.post(f"{path}/deactivate"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "LAST_OWNER")
    await place.join(Role.OWNER, status=MemberState.SUSPENDED)
    assert (await admin.browser.patch(path, json={"role": "ADMIN"})).status_code == 409
    await place.join(Role.OWNER)
    assert (await admin.browser.patch(path, json={"role": "ADMIN"})).status_code == 200


async def test_two_owners_cannot_both_be_taken_down_at_once(place: Place) -> None:
    admin = await place.act(Role.ADMIN)
    owners = [place.owner, await place.join(Role.OWNER), await place.join(Role.OWNER)]
    answers = await asyncio.gather(*(admin.browser.post(f"/users/{owner.id}/deactivate") for owner in owners))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409]


@pytest.mark.parametrize("role", ["OWNER", "ADMIN"])
async def test_ceo_never_touches_owner_or_admin(place: Place, role: str) -> None:
    ceo = await place.act(Role.CEO)
    high = await place.join(Role(role))
    low = await place.join(Role.SALES)
    suspended = await place.join(Role(role), status=MemberState.SUSPENDED)
    answers = [
        await ceo.browser.post("/users", json=_invitation(role=role)),
        await ceo.browser.patch(f"/users/{low.id}", json={"role": role}),
        await ceo.browser.patch(f"/users/{high.id}", json={"role": "SALES"}),
        await ceo.browser.patch(f"/users/{high.id}", json={"name": "Renamed"}),
        await ceo.browser.patch(f"/users/{high.id}", json={"role": role}),
        await ceo.browser.patch(f"/users/{high.id}", json={}),
        await ceo.browser.patch(f"/users/{ceo.id}", json={"role": role}),
        await ceo.browser.post(f"/users/{high.id}/deactivate"),
        await ceo.browser.post(f"/users/{suspended.id}/reactivate"),
    ]
    refused = {(answer.status_code, answer.text.partition('"code":"')[2][:9]) for answer in answers}
    assert refused == {(403, "FORBIDDEN")}
    assert (await ceo.browser.patch(f"/users/{low.id}", json={"role": "DIRECTOR"})).status_code == 200
    assert (await ceo.browser.post("/users", json=_invitation(role="FINANCE"))).status_code == 201


async def test_people_of_other_organisations_do_not_exist(place: Place) -> None:
    stranger = await place.join(Role.SALES, at=await place.open())
    owner = await place.act(Role.OWNER)
    path = f"/users/{stranger.id}"
    answers = [
        await owner.browser.get(path),
        await owner.browser.patch(path, json={"name": "Mine Now"}),
        await owner.browser.post(f"{path}/deactivate"),
        await owner.browser.post(f"{path}/reactivate"),
        await owner.browser.get(f"/users/{uuid4()}"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert (await owner.browser.get("/users/not-an-id")).status_code == 400
    for listed in ("/users?active=all", "/org/members", "/directory/users"):
        assert str(stranger.id) not in (await owner.browser.get(listed)).text


async def test_users_are_listed_by_state_and_sorted(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    removed = await place.join(Role.SALES, status=MemberState.REMOVED)
    invited = await place.join(Role.OPS, status=MemberState.INVITED)

    async def ids(query: str) -> list[str]:
        answer = await owner.browser.get(f"/users?{query}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["server-timing"] == "db;desc=1"
        return [item["id"] for item in answer.json()["items"]]

    everybody = await ids("active=all&pageSize=100")
    assert str(removed.id) not in everybody
    assert await ids("active=inactive") == [str(suspended.id)]
    assert set(await ids("")) == set(everybody) - {str(suspended.id)}
    assert await ids("role=ops") == [str(invited.id)]
    assert await ids(f"q={invited.email[:14].upper()}") == [str(invited.id)]
    assert await ids("q=%25") == []
    for key in ("createdAt", "name", "email", "role", "isActive"):
        up, down = await ids(f"active=all&sortBy={key}&sortDir=asc"), await ids(f"active=all&sortBy={key}")
        assert set(up) == set(down) == set(everybody)
    assert (await owner.browser.get("/users?sortBy=title")).status_code == 400
    assert (await owner.browser.get("/users?pageSize=101")).status_code == 400
    assert (await owner.browser.get("/users?colour=red")).status_code == 400
    page = (await owner.browser.get("/users?active=all&page=2&pageSize=3")).json()
    assert (page["page"], page["totalCount"], len(page["items"])) == (2, len(everybody), len(everybody) - 3)


async def test_members_and_directory_show_what_pickers_need(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    members = (await owner.browser.get("/org/members?status=suspended")).json()
    assert [(each["userId"], each["id"], each["status"]) for each in members["items"]] == [
        (str(suspended.id), str(suspended.id), "suspended")
    ]
    entries = (await owner.browser.get("/directory/users")).json()
    assert entries[-1] == {
        "id": str(suspended.id),
        "name": "SALES Person",
        "role": "SALES",
        "isActive": False,
    }
    assert [entry["isActive"] for entry in entries] == [True, True, False]


async def test_removed_person_can_be_invited_again(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    removed = await place.join(Role.SALES, status=MemberState.REMOVED)
    assert (await owner.browser.get(f"/users/{removed.id}")).status_code == 404
    answer = await owner.browser.post("/users", json=_invitation(email=removed.email))
    assert (answer.status_code, answer.json()["id"], answer.json()["version"]) == (201, str(removed.id), 2)
