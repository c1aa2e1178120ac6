"""Invitations: by mail alone, once, and never as somebody else."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from services.identity.tests.place import Person, Place

from chassis.testing.stand import PublishedFact
from identity.domain.invitations import masked
from identity.domain.mail_links import LinkKind
from identity.domain.members import MemberState
from identity.domain.roles import Role

NEW_PASSWORD = "a quite new pass phrase"


def _email() -> str:
    return f"{uuid4().hex}@new.example"


async def _invite(owner: Person, email: str | None = None, role: str = "sales") -> dict[str, Any]:
    answer = await owner.browser.post("/org/invite", json={"email": email or _email(), "role": role})
    assert answer.status_code == 201, answer.text
    invitation: dict[str, Any] = answer.json()
    return invitation


def _path(place: Place, invitation: dict[str, Any], generation: int = 1) -> str:
    """Where the link of a mail leads; only the mailbox and notifications ever see its text."""
    token = place.reception.seals.mail_token(LinkKind.INVITATION, UUID(invitation["id"]), generation)
    return f"/auth/invitations/{token}"


async def _accept(
    place: Place, path: str, browser: httpx2.AsyncClient | None = None, **body: Any
) -> httpx2.Response:
    return await (browser or place.browser()).post(f"{path}/accept", json=body or None)


def _code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_an_invitation_tells_its_link_to_nobody_but_the_mailbox(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner, "New.Person@New.Example")
    assert (invitation["email"], invitation["role"], invitation["status"]) == (
        "new.person@new.example",
        "SALES",
        "pending",
    )
    read = await owner.browser.get(f"/org/invitations/{invitation['id']}")
    listed = await owner.browser.get("/org/invitations?status=pending")
    assert [read.json()] == listed.json()["items"] == [invitation]
    token = _path(place, invitation).rpartition("/")[2]
    assert token not in read.text + listed.text
    (fact,) = await place.facts("member.invited")
    assert (fact.message.invitation_id, fact.message.generation) == (invitation["id"], 1)
    assert fact.message.member.user_id == invitation["userId"]
    assert token not in str(fact.message)
    assert await place.stand.actions(invitation["id"]) == ["ORG_INVITE_CREATED"]
    member = (await owner.browser.get(f"/users/{invitation['userId']}")).json()
    assert (member["status"], member["name"]) == ("invited", "new.person")


async def test_the_page_of_a_link_shows_little(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner, "jane.roe@new.example")
    offer = (await place.browser().get(_path(place, invitation))).json()
    assert offer == {
        "email": "j***@new.example",
        "organisation": owner.slug,
        "role": "SALES",
        "expiresAt": invitation["expiresAt"],
        "needsAccount": True,
    }
    known = await place.join(Role.OPS, at=await place.open())
    known_offer = (await place.browser().get(_path(place, await _invite(owner, known.email)))).json()
    assert known_offer["needsAccount"] is False
    assert masked("x@y.example") == "x***@y.example"


async def test_a_new_person_gets_an_account_and_is_signed_in(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner)
    browser = place.browser()
    answer = await _accept(place, _path(place, invitation), browser, name="Jane Roe", password=NEW_PASSWORD)
    assert answer.status_code == 200, answer.text
    assert answer.json()["orgId"] == str(owner.org_id)
    person = Person(UUID(invitation["userId"]), invitation["email"], owner.org_id, owner.slug, browser)
    person.take(answer)
    me = (await browser.get("/auth/me")).json()
    assert (me["id"], me["name"], me["role"]) == (invitation["userId"], "Jane Roe", "SALES")
    assert (await person.refresh()).status_code == 200
    assert (await person.sign_in(NEW_PASSWORD)).status_code == 200
    member = (await owner.browser.get(f"/users/{person.id}")).json()
    assert (member["status"], member["name"]) == ("active", "Jane Roe")
    assert member["joinedAt"] is not None
    for name in ("user.registered", "session.started"):
        assert _subject((await place.facts(name))[0]) == invitation["userId"]
    joined = await place.facts("member.joined")
    assert (joined[-1].message.member.user_id, joined[-1].version) == (invitation["userId"], 2)
    assert joined[-1].message.invited_by_user_id == str(owner.id)
    assert not joined[0].message.HasField("invited_by_user_id")
    assert await place.stand.actions(invitation["id"]) == ["ORG_INVITE_CREATED", "ORG_INVITE_ACCEPTED"]
    assert (await owner.browser.get("/org/invitations?status=accepted")).json()["totalCount"] == 1


def _subject(fact: PublishedFact) -> str:
    return str(fact.message.user.id if hasattr(fact.message, "user") else fact.message.user_id)


async def test_who_has_an_account_joins_only_while_signed_in_and_gets_no_session(place: Place) -> None:
    elsewhere = await place.open()
    victim = await place.join(Role.FINANCE, at=elsewhere)
    attacker = await place.act(Role.OWNER)
    path = _path(place, await _invite(attacker, victim.email))
    stranger = place.browser()
    for browser, body, refused in (
        (stranger, {}, (401, "SIGN_IN_REQUIRED")),
        (stranger, {"password": NEW_PASSWORD, "name": "Not The Victim"}, (401, "SIGN_IN_REQUIRED")),
        (attacker.browser, {}, (403, "WRONG_ACCOUNT")),
        (attacker.browser, {"password": NEW_PASSWORD}, (403, "WRONG_ACCOUNT")),
    ):
        answer = await _accept(place, path, browser, **body)
        assert _code(answer) == refused
        assert "set-cookie" not in answer.headers
    assert (await victim.sign_in()).status_code == 200  # the password is what it was
    assert _code(await _accept(place, path, victim.browser, password=NEW_PASSWORD)) == (
        400,
        "VALIDATION_ERROR",
    )
    answer = await _accept(place, path, victim.browser)
    assert answer.json() == {
        "orgId": str(attacker.org_id),
        "orgSlug": attacker.slug,
        "accessToken": None,
        "expiresIn": None,
    }
    assert "set-cookie" not in answer.headers
    switched = await victim.browser.post("/auth/switch-org", json={"orgId": str(attacker.org_id)})
    assert switched.status_code == 200
    assert not await place.facts("user.registered")


async def test_who_joins_by_the_mailed_link_has_confirmed_their_address(place: Place) -> None:
    guest = await place.join(Role.FINANCE, at=await place.open())
    host = await place.act(Role.OWNER)
    path = _path(place, await _invite(host, guest.email))
    await guest.sign_in()
    assert (await guest.browser.get("/auth/me")).json()["emailVerified"] is False
    assert (await _accept(place, path, guest.browser)).status_code == 200
    assert (await guest.browser.get("/auth/me")).json()["emailVerified"] is True
    assert [fact.message.user_id for fact in await place.facts("email.verified")] == [str(guest.id)]


async def test_a_token_that_does_not_hold_is_refused_before_anything_else(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    path = _path(place, await _invite(owner))
    browser = place.browser()
    browser.headers["authorization"] = "Bearer forged"
    assert _code(await _accept(place, path, browser, password=NEW_PASSWORD)) == (401, "UNAUTHORIZED")


async def test_somebody_else_who_is_signed_in_does_not_become_the_new_person(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    path = _path(place, await _invite(owner))
    assert _code(await _accept(place, path, owner.browser, password=NEW_PASSWORD)) == (403, "WRONG_ACCOUNT")


async def test_two_who_accept_at_once_are_one(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner)
    path = _path(place, invitation)
    await place.warm()
    answers = await asyncio.gather(
        *(_accept(place, path, password=f"{NEW_PASSWORD} {number}") for number in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404]
    assert {_code(answer)[1] for answer in answers if answer.status_code == 404} == {"INVITATION_USED"}
    joined = [fact.message.member.user_id for fact in await place.facts("member.joined")]
    assert joined.count(invitation["userId"]) == 1
    sessions = [fact.message.user_id for fact in await place.facts("session.started")]
    assert sessions.count(invitation["userId"]) == 1


async def test_two_invitations_of_one_new_person_give_one_password(place: Place) -> None:
    email, owners = (
        _email(),
        [await place.act(Role.OWNER), await place.act(Role.OWNER, at=await place.open())],
    )
    paths = [_path(place, await _invite(owner, email)) for owner in owners]
    await place.warm()
    answers = await asyncio.gather(*(_accept(place, path, password=f"{path[-9:]} word") for path in paths))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    refused = next(answer for answer in answers if answer.status_code == 401)
    assert _code(refused) == (401, "SIGN_IN_REQUIRED")


async def test_a_dead_link_says_why(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    used, revoked, resent, suspended, expired = [await _invite(owner) for _ in range(5)]
    await _accept(place, _path(place, used), password=NEW_PASSWORD)
    assert (await owner.browser.delete(f"/org/invitations/{revoked['id']}")).status_code == 204
    again = await owner.browser.post(f"/org/invitations/{resent['id']}/resend")
    assert (again.status_code, again.json()["status"]) == (200, "pending")
    await owner.browser.post(f"/users/{suspended['userId']}/deactivate")
    place.stand.clock.advance(days=7, seconds=-1)
    assert (await place.browser().get(_path(place, expired))).status_code == 200
    place.stand.clock.advance(seconds=1)
    for path, code in (
        (_path(place, used), "INVITATION_USED"),
        (_path(place, revoked), "INVITATION_REVOKED"),
        (_path(place, suspended), "INVITATION_REVOKED"),
        (_path(place, resent), "INVITATION_REPLACED"),
        (_path(place, resent, generation=2), "INVITATION_EXPIRED"),
        (_path(place, expired), "INVITATION_EXPIRED"),
        ("/auth/invitations/no-such-token", "INVITATION_UNKNOWN"),
        (_path(place, expired | {"id": str(uuid4())}), "INVITATION_UNKNOWN"),
        (_path(place, expired)[:-1], "INVITATION_UNKNOWN"),
    ):
        assert _code(await place.browser().get(path)) == (404, code), path
        assert _code(await _accept(place, path, password=NEW_PASSWORD)) == (404, code), path


async def test_another_mail_has_another_link_for_seven_more_days(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner)
    place.stand.clock.advance(days=6)
    await owner.browser.post(f"/org/invitations/{invitation['id']}/resend")
    place.stand.clock.advance(days=6)
    answer = await _accept(place, _path(place, invitation, generation=2), password=NEW_PASSWORD)
    assert answer.status_code == 200, answer.text
    assert [fact.message.generation for fact in await place.facts("member.invited")] == [1, 2]
    assert await place.stand.actions(invitation["id"]) == [
        "ORG_INVITE_CREATED",
        "ORG_INVITE_RESENT",
        "ORG_INVITE_ACCEPTED",
    ]
    again = await owner.browser.post(f"/org/invitations/{invitation['id']}/resend")
    assert _code(again) == (409, "ILLEGAL_TRANSITION")


async def test_mails_that_are_sent_again_count_for_the_limit_of_a_day(place: Place) -> None:
    owner, other = await place.act(Role.OWNER), await place.act(Role.ADMIN)
    invitation = await _invite(owner)
    resend = f"/org/invitations/{invitation['id']}/resend"
    for _ in range(19):
        assert (await owner.browser.post(resend)).status_code == 200
    for answer in (
        await owner.browser.post(resend),
        await owner.browser.post("/org/invite", json={"email": _email(), "role": "OPS"}),
        await owner.browser.post("/users", json={"name": "One More", "email": _email(), "role": "OPS"}),
    ):
        assert _code(answer) == (429, "INVITATION_LIMIT")
    assert (await other.browser.post(resend)).status_code == 200
    place.stand.clock.advance(hours=25)
    assert (await owner.browser.post(resend)).status_code == 200


async def test_who_is_taken_back_can_be_invited_again(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    first = await _invite(owner)
    again = await owner.browser.post("/org/invite", json={"email": first["email"], "role": "OPS"})
    assert _code(again) == (409, "ALREADY_MEMBER")
    await owner.browser.delete(f"/org/invitations/{first['id']}")
    assert (await owner.browser.get(f"/users/{first['userId']}")).status_code == 404
    assert [fact.version for fact in await place.facts("member.removed")] == [2]
    second = await _invite(owner, first["email"], "OPS")
    assert (second["userId"], second["role"]) == (first["userId"], "OPS")
    assert second["id"] != first["id"]
    assert [fact.version for fact in await place.facts("member.invited")] == [1, 3]
    answer = await owner.browser.delete(f"/org/invitations/{first['id']}")
    assert _code(answer) == (409, "ILLEGAL_TRANSITION")


async def test_who_let_their_link_expire_is_invited_anew(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    first = await _invite(owner)
    place.stand.clock.advance(days=8)
    second = await _invite(owner, first["email"], "FINANCE")
    assert (second["id"], second["role"]) == (first["id"], "FINANCE")
    assert _code(await place.browser().get(_path(place, first))) == (404, "INVITATION_REPLACED")
    assert (await place.browser().get(_path(place, first, generation=2))).json()["role"] == "FINANCE"


async def test_nobody_without_the_right_invites_and_least_of_all_an_owner(place: Place) -> None:
    for role in (Role.DIRECTOR, Role.SALES, Role.VIEWER, Role.CASHIER):
        person = await place.act(role)
        for wanted in ("OWNER", "VIEWER"):
            answer = await person.browser.post("/org/invite", json={"email": _email(), "role": wanted})
            assert _code(answer) == (403, "FORBIDDEN")
    assert not await place.facts("member.invited")


@pytest.mark.parametrize("role", ["OWNER", "ADMIN"])
async def test_ceo_has_nothing_to_do_with_invitations_of_owner_and_admin(place: Place, role: str) -> None:
    ceo, owner = await place.act(Role.CEO), await place.act(Role.OWNER)
    invitation = await _invite(owner, role=role)
    for answer in (
        await ceo.browser.post("/org/invite", json={"email": _email(), "role": role}),
        await ceo.browser.post(f"/org/invitations/{invitation['id']}/resend"),
        await ceo.browser.delete(f"/org/invitations/{invitation['id']}"),
    ):
        assert _code(answer) == (403, "FORBIDDEN")
    assert (await _invite(ceo, role="FINANCE"))["role"] == "FINANCE"


async def test_admin_makes_no_owner_because_an_owner_may_do_more(place: Place) -> None:
    admin = await place.act(Role.ADMIN)
    assert _code(await admin.browser.post("/org/invite", json={"email": _email(), "role": "OWNER"})) == (
        403,
        "FORBIDDEN",
    )
    assert (await _invite(admin, role="ADMIN"))["role"] == "ADMIN"


async def test_who_becomes_an_admin_by_invitation_is_a_security_event(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner, role="ADMIN")
    assert not await place.facts("security_event.raised")
    await _accept(place, _path(place, invitation), password=NEW_PASSWORD)
    (event,) = await place.facts("security_event.raised")
    assert (event.message.type, event.message.severity, event.message.user_id) == (
        "ADMIN_ROLE_GRANTED",
        "CRITICAL",
        invitation["userId"],
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "password"),
        ({"name": "Jane Roe"}, "password"),
        ({"password": "short pass"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"password": NEW_PASSWORD, "name": "x"}, "name"),
        ({"password": NEW_PASSWORD, "role": "OWNER"}, "role"),
        ({"password": NEW_PASSWORD, "email": "me@evil.example"}, "email"),
    ],
)
async def test_a_bad_acceptance_names_its_field(place: Place, body: dict[str, Any], field: str) -> None:
    owner = await place.act(Role.OWNER)
    path = _path(place, await _invite(owner))
    answer = await _accept(place, path, **body)
    assert _code(answer) == (400, "VALIDATION_ERROR")
    assert [each["field"] for each in answer.json()["error"]["details"]] == [field]
    assert (await _accept(place, path, password=NEW_PASSWORD)).status_code == 200


async def test_a_link_works_on_the_host_of_its_organisation_and_on_no_other_ones(place: Place) -> None:
    owner, other = await place.act(Role.OWNER), await place.open()
    path = _path(place, await _invite(owner))
    own, foreign = ({"host": f"{each.slug}.execos.localhost"} for each in (owner, other))
    assert (await place.browser().get(path, headers=own)).status_code == 200
    assert _code(await place.browser().get(path, headers=foreign)) == (404, "INVITATION_UNKNOWN")


async def test_a_closed_organisation_and_a_deactivated_person_join_nothing(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    known = await place.join(Role.OPS, at=await place.open())
    path = _path(place, await _invite(owner, known.email))
    await place.change_account(known, is_active=False)
    assert _code(await place.browser().get(path)) == (404, "INVITATION_REVOKED")
    await place.change_account(known, is_active=True)
    await place.change_organisation(owner, status="archived")
    assert _code(await place.browser().get(path)) == (403, "ORGANISATION_INACTIVE")


async def test_invitations_of_others_do_not_exist(place: Place) -> None:
    theirs = await _invite(await place.act(Role.OWNER, at=await place.open()))
    owner = await place.act(Role.OWNER)
    path = f"/org/invitations/{theirs['id']}"
    for answer in (
        await owner.browser.get(path),
        await owner.browser.post(f"{path}/resend"),
        await owner.browser.delete(path),
    ):
        assert _code(answer) == (404, "NOT_FOUND")
    assert (await owner.browser.get("/org/invitations")).json()["items"] == []


async def test_another_role_before_joining_is_the_one_that_is_joined_with(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner)
    await owner.browser.post(f"/users/{invitation['userId']}/roles", json={"role": "ops"})
    path = _path(place, invitation)
    assert (await place.browser().get(path)).json()["role"] == "OPS"
    assert (await owner.browser.get(f"/org/invitations/{invitation['id']}")).json()["role"] == "OPS"
    await _accept(place, path, password=NEW_PASSWORD)
    assert [fact.message.member.role for fact in await place.facts("member.joined")][-1] == "OPS"


async def test_who_is_removed_before_joining_cannot_join(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    invitation = await _invite(owner)
    assert (await owner.browser.delete(f"/org/members/{invitation['userId']}")).status_code == 204
    assert (await owner.browser.get(f"/org/invitations/{invitation['id']}")).json()["status"] == "revoked"
    assert _code(await place.browser().get(_path(place, invitation))) == (404, "INVITATION_REVOKED")


async def test_the_same_answer_whether_or_not_somebody_is_known_elsewhere(place: Place) -> None:
    known = await place.join(Role.CEO, at=await place.open(), status=MemberState.ACTIVE)
    owner = await place.act(Role.OWNER)
    answers = [await _invite(owner, email) for email in (known.email, _email())]
    for answer in answers:
        for name in ("id", "userId", "email"):
            answer.pop(name)
    assert answers[0] == answers[1]
