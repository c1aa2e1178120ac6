"""Passwords: changed by who knows the present one, reset by who reads the mailbox, and never by anybody else."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import pytest
from services.identity.tests.place import PASSWORD, Person, Place

from identity.domain.mail_links import LinkKind
from identity.domain.members import MemberState
from identity.domain.roles import Role
from identity.usecases.mail_requests import answer_request

NEW = "a new horse battery staple"


async def _change(person: Person, present: str = PASSWORD, wanted: str = NEW, **headers: str) -> Any:
    body = {"currentPassword": present, "newPassword": wanted}
    return await person.browser.post("/auth/change-password", json=body, headers=headers)


async def _reset(place: Place, token: str, wanted: str = NEW) -> Any:
    return await place.browser().post("/auth/reset-password", json={"token": token, "newPassword": wanted})


async def _ask(place: Place, email: str) -> Any:
    return await place.browser().post("/auth/forgot-password", json={"email": email})


async def _forget(place: Place, email: str) -> Any:
    answer = await _ask(place, email)
    await place.answer_mail_requests()
    return answer


def _issues(answer: Any) -> tuple[int, list[Any]]:
    return answer.status_code, [(each["field"], each["issues"]) for each in answer.json()["error"]["details"]]


async def test_a_changed_password_ends_all_other_sessions_and_is_told(place: Place) -> None:
    elsewhere = place.owner.at(place.browser())
    await elsewhere.sign_in()
    await place.owner.sign_in()
    answer = await _change(place.owner)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (await place.owner.refresh()).status_code == 200
    assert (await elsewhere.refresh()).status_code == 401
    assert (await place.owner.sign_in()).status_code == 401
    assert (await place.owner.sign_in(NEW)).status_code == 200
    assert [fact.message.user_id for fact in await place.facts("password.changed")] == [str(place.owner.id)]
    assert [fact.message.reason for fact in await place.facts("session.revoked")] == ["password_changed"]
    assert ("PASSWORD_CHANGED", "LOW") in await place.security_events()
    assert (await place.stand.actions(place.owner.id))[-1] == "PASSWORD_CHANGE"


async def test_sessions_in_other_organisations_end_there(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    await place.owner.at(place.browser()).sign_in(orgSlug=second.slug)
    await place.owner.sign_in(orgSlug=place.owner.slug)
    await _change(place.owner)
    assert await place.facts("session.revoked") == []
    there = await place.facts("session.revoked", org_id=second.org_id)
    assert [fact.message.reason for fact in there] == ["password_changed"]


async def test_a_wrong_present_password_is_refused_on_its_field_and_costs_attempts(place: Place) -> None:
    await place.owner.sign_in()
    refused = (400, [("currentPassword", ["is not right, or there were too many attempts"])])
    for _ in range(5):
        assert _issues(await _change(place.owner, "wrong password")) == refused
    assert _issues(await _change(place.owner)) == refused
    assert (await place.owner.sign_in()).status_code == 401
    place.stand.clock.advance(seconds=31)
    assert (await _change(place.owner)).status_code == 200
    assert (await place.owner.sign_in(NEW)).status_code == 200


async def test_parallel_guesses_of_the_present_password_never_exceed_the_budget(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.owner.sign_in()
    compared: list[str] = []
    verify = place.reception.passwords.verify

    async def count(password: str, stored: str | None) -> Any:
        compared.extend([stored] if stored else [])
        return await verify(password, stored)

    monkeypatch.setattr(place.reception.passwords, "verify", count)
    answers = await asyncio.gather(*(_change(place.owner, f"guess {number}") for number in range(20)))
    assert {answer.status_code for answer in answers} == {400}
    assert len(compared) == 5


@pytest.mark.parametrize(
    ("wanted", "issue"),
    [
        ("too short", "must be at least 12 characters"),
        ("password1234", "is one of the first that others would guess"),
        ("Olga Owner 2024", "must not be made of your name, your e-mail address or your organisation's name"),
    ],
)
async def test_a_bad_password_is_refused_on_its_field_and_costs_nothing(
    place: Place, wanted: str, issue: str
) -> None:
    await place.owner.sign_in()
    for _ in range(6):
        assert _issues(await _change(place.owner, "wrong password", wanted)) == (
            400,
            [("newPassword", [issue])],
        )
    assert (await _change(place.owner)).status_code == 200


async def test_the_strictest_organisation_of_a_person_decides_how_long(place: Place) -> None:
    eight, ten = "x7-Kf2!p", "x7-Kf2!pQ9"
    await place.change_policies(place.owner, password_min_length=8)
    await place.owner.sign_in()
    assert (await _change(place.owner, PASSWORD, eight)).status_code == 200
    second = await place.open()
    await place.change_policies(second, password_min_length=10)
    await place.join(Role.SALES, at=second, email=place.owner.email)
    left = await place.open()
    await place.change_policies(left, password_min_length=100)
    await place.join(Role.SALES, at=left, email=place.owner.email, status=MemberState.SUSPENDED)
    assert _issues(await _change(place.owner, eight, eight + "x")) == (
        400,
        [("newPassword", ["must be at least 10 characters"])],
    )
    assert (await _change(place.owner, eight, ten)).status_code == 200


async def test_an_ended_session_changes_no_password(place: Place) -> None:
    await place.owner.sign_in()
    await place.owner.browser.post("/auth/logout")
    answer = await _change(place.owner)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOKEN_REVOKED")
    assert (await place.owner.sign_in()).status_code == 200


async def test_a_password_is_changed_again_for_the_same_idempotency_key(place: Place) -> None:
    await place.owner.sign_in()
    first = await _change(place.owner, **{"idempotency-key": "same"})
    again = await _change(place.owner, **{"idempotency-key": "same"})
    assert (first.status_code, again.status_code) == (200, 400)
    assert "idempotency-replayed" not in again.headers


async def test_a_forgotten_password_is_answered_alike_for_every_address_and_nobody_is_looked_up(
    place: Place,
) -> None:
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    for email in (place.owner.email, suspended.email, f"{uuid4().hex}@nobody.example"):
        answer = await _forget(place, email)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert answer.headers["server-timing"] == "db;desc=1"
    facts = await place.facts("password.reset_requested")
    assert [fact.message.user_id for fact in facts] == [str(place.owner.id)]


async def test_a_forgotten_password_is_kept_for_its_job_and_tells_nobody_whose_it_is(place: Place) -> None:
    await _ask(place, place.owner.email)
    # Whatever becomes of this process now, the request is there, and not readable.
    *_, kept = await place.take_mail_requests()
    assert base64.b64encode(place.owner.email.encode()).decode() not in kept
    assert await place.facts("password.reset_requested") == []
    await answer_request(place.reception, kept)
    assert len(await place.facts("password.reset_requested")) == 1


async def test_a_forgotten_password_is_mailed_once_however_often_its_job_runs(place: Place) -> None:
    asked = await _ask(place, place.owner.email)
    *_, kept = await place.take_mail_requests()
    for _ in range(2):
        await answer_request(place.reception, kept)
    assert len(await place.facts("password.reset_requested")) == 1
    told = [fact.message for fact in await place.facts("activity.recorded")]
    (entry,) = [each for each in told if each.action == "PASSWORD_RESET_REQUEST"]
    assert (entry.request_id, entry.ip) == (asked.headers["x-request-id"], "127.0.0.1")


async def test_nobodys_mailbox_is_flooded(place: Place) -> None:
    for _ in range(7):
        await _ask(place, place.owner.email)
    await place.answer_mail_requests()
    assert len(await place.facts("password.reset_requested")) == 5
    place.stand.clock.advance(minutes=61)
    await _forget(place, place.owner.email)
    assert len(await place.facts("password.reset_requested")) == 6


async def test_a_reset_ends_every_session_confirms_the_address_and_opens_a_locked_account(
    place: Place,
) -> None:
    await place.owner.sign_in()
    stranger = place.owner.at(place.browser())
    for _ in range(6):
        await stranger.sign_in("wrong password")
    await _forget(place, place.owner.email)
    (requested,) = await place.facts("password.reset_requested")
    answer = await _reset(place, place.told_token(requested, LinkKind.PASSWORD_RESET))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert "set-cookie" not in answer.headers
    assert (await place.owner.refresh()).status_code == 401
    assert (await stranger.sign_in(NEW)).status_code == 200
    assert (await stranger.browser.get("/auth/me")).json()["emailVerified"] is True
    facts = await place.facts("password.changed", "email.verified", "session.revoked")
    assert [fact.type.split(".", 1)[1] for fact in facts] == [
        "password.changed.v1",
        "session.revoked.v1",
        "email.verified.v1",
    ]


async def test_a_link_is_good_once_and_for_half_an_hour(place: Place) -> None:
    token, late = [await place.link_token(place.owner, LinkKind.PASSWORD_RESET) for _ in range(2)]
    assert (await _reset(place, token)).status_code == 200
    for spent in (token, late):  # the other one was asked for under the old password
        assert (await _reset(place, spent)).json()["error"]["code"] == "NOT_FOUND"
    old = await place.link_token(place.owner, LinkKind.PASSWORD_RESET)
    place.stand.clock.advance(minutes=30)
    assert (await _reset(place, old)).status_code == 404
    assert (await place.owner.sign_in(NEW)).status_code == 200


async def test_a_link_of_another_kind_or_of_somebody_who_is_out_is_dead(place: Place) -> None:
    other = await place.link_token(place.owner, LinkKind.EMAIL_VERIFICATION)
    person = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    out = await place.link_token(person, LinkKind.PASSWORD_RESET)
    for token in (other, out):
        assert (await _reset(place, token)).status_code == 404


async def test_a_forged_link_is_refused_without_a_query(place: Place) -> None:
    token = await place.link_token(place.owner, LinkKind.PASSWORD_RESET)
    forged = ("A" if token[0] != "A" else "B") + token[1:]
    for text in (forged, "x", token[:-1], "é"):
        answer = await _reset(place, text)
        assert (answer.status_code, answer.headers["server-timing"]) == (404, "db;desc=0")


async def test_a_bad_password_leaves_the_link_alive(place: Place) -> None:
    token = await place.link_token(place.owner, LinkKind.PASSWORD_RESET)
    assert _issues(await _reset(place, token, "short")) == (
        400,
        [("newPassword", ["must be at least 12 characters"])],
    )
    assert (await _reset(place, token)).status_code == 200


async def test_two_who_use_a_link_at_once_set_one_password(place: Place) -> None:
    token = await place.link_token(place.owner, LinkKind.PASSWORD_RESET)
    await place.warm()
    answers = await asyncio.gather(*(_reset(place, token, f"{NEW} {number}") for number in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert len(await place.facts("password.changed")) == 1


async def test_a_sign_in_that_a_reset_overtakes_opens_no_session(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = place.reception.passwords.verify
    token = await place.link_token(place.owner, LinkKind.PASSWORD_RESET)

    async def overtaken(password: str, stored: str | None) -> Any:
        verdict = await verify(password, stored)
        assert (await _reset(place, token)).status_code == 200
        return verdict

    monkeypatch.setattr(place.reception.passwords, "verify", overtaken)
    assert (await place.owner.sign_in()).status_code == 401
    assert await place.facts("session.started") == []


async def test_no_password_and_no_link_is_in_what_is_told(place: Place) -> None:
    await place.owner.sign_in()
    await _change(place.owner)
    await _forget(place, place.owner.email)
    (requested,) = await place.facts("password.reset_requested")
    token = place.told_token(requested, LinkKind.PASSWORD_RESET)
    await _reset(place, token, f"{NEW} again")
    for fact in await place.stand.facts(org_id=place.owner.org_id) + await place.facts("activity.recorded"):
        text = str(fact.message)
        assert not any(secret in text for secret in (NEW, PASSWORD, token, "argon2"))
