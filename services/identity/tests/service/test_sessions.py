"""Sessions: rotation, reuse, two tabs, switching, ends."""

import asyncio
from typing import Any
from uuid import UUID

import jwt
import pytest
from services.identity.tests.place import BROWSER, Person, Place
from sqlalchemy import select

from identity.domain.roles import Role
from identity.domain.security_events import SecurityEvent
from identity.domain.sessions import Session


def _claims(answer: Any) -> dict[str, Any]:
    return dict(jwt.decode(answer.json()["accessToken"], options={"verify_signature": False}))


async def _refresh_with(place: Place, token: str, **headers: str) -> Any:
    cookie = {"cookie": f"execos_refresh_token={token}"}
    return await place.browser().post("/auth/refresh", headers=BROWSER | cookie | headers)


async def _session(place: Place, session_id: str) -> Session:
    async with place.reception.tx() as tx:
        return (await tx.session.scalars(select(Session).where(Session.id == UUID(session_id)))).one()


async def test_refresh_rotates_the_token_and_keeps_the_session(place: Place) -> None:
    first = _claims(await place.owner.sign_in())
    old = place.owner.cookie
    answer = await place.owner.refresh()
    assert answer.status_code == 200, answer.text
    assert place.owner.cookie != old
    assert _claims(answer)["sid"] == first["sid"]
    assert await place.stand.actions(first["sid"]) == ["LOGIN_SUCCESS", "TOKEN_REFRESH"]
    (fact,) = await place.facts("session.refreshed")
    assert (fact.message.session_id, fact.message.user_id, fact.version) == (
        first["sid"],
        str(place.owner.id),
        2,
    )


async def test_two_simultaneous_refreshes_yield_one_child(place: Place) -> None:
    session_id = _claims(await place.owner.sign_in())["sid"]
    parent = place.owner.cookie
    await place.warm()
    answers = await asyncio.gather(*(_refresh_with(place, parent) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.cookies["execos_refresh_token"] for answer in answers}) == 1
    assert (await _session(place, session_id)).counter == 1
    assert len(await place.facts("session.refreshed")) == 1
    assert await place.stand.actions(session_id) == ["LOGIN_SUCCESS", "TOKEN_REFRESH"]


async def test_parent_is_answered_with_the_present_child_for_ten_seconds(place: Place) -> None:
    await place.owner.sign_in()
    parent = place.owner.cookie
    await place.owner.refresh()
    child = place.owner.cookie
    place.stand.clock.advance(seconds=10)
    again = await _refresh_with(place, parent)
    assert again.cookies["execos_refresh_token"] == child
    place.stand.clock.advance(seconds=1)
    assert (await _refresh_with(place, parent)).status_code == 401
    assert (await _refresh_with(place, child)).status_code == 401


async def test_grandparent_kills_the_family_even_within_ten_seconds(place: Place) -> None:
    session_id = _claims(await place.owner.sign_in())["sid"]
    grandparent = place.owner.cookie
    await place.owner.refresh()
    await place.owner.refresh()
    assert (await _refresh_with(place, grandparent)).status_code == 401
    assert (await place.owner.refresh()).status_code == 401
    assert (await _session(place, session_id)).end_reason == "reuse"
    facts = await place.facts("session.revoked", "session.reuse_detected", "security_event.raised")
    assert [fact.type.split(".", 1)[1] for fact in facts] == [
        "session.revoked.v1",
        "session.reuse_detected.v1",
        "security_event.raised.v1",
    ]
    assert (facts[0].message.session_id, facts[0].message.reason) == (session_id, "reuse")
    thief = facts[2].message
    assert (thief.ip, thief.user_agent.partition("/")[0]) == (facts[1].message.ip, "python-httpx2")
    async with place.reception.tx() as tx:
        events = (
            await tx.session.scalars(select(SecurityEvent).where(SecurityEvent.org_id == place.owner.org_id))
        ).all()
    assert [(event.type, event.severity, event.user_id) for event in events] == [
        ("REFRESH_REUSE", "HIGH", place.owner.id)
    ]


async def test_forged_token_is_refused_without_a_query(place: Place) -> None:
    await place.owner.sign_in()
    token = place.owner.cookie
    forged = ("A" if token[0] != "A" else "B") + token[1:]
    for text in (forged, "", "x", token[:-1], "é", "A" * 5000):
        answer = await place.browser().post(
            "/auth/refresh", headers={b"cookie": f"execos_refresh_token={text}".encode()}
        )
        assert (answer.status_code, answer.headers["server-timing"]) == (401, "db;desc=0")


async def test_refresh_without_cookie_is_refused(place: Place) -> None:
    assert (await place.browser().post("/auth/refresh")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "https://own.example:8443", "host": "own.example"}, 200),
        ({"origin": "https://own.example", "host": "own.example"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"}, 200),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://evil.test", "sec-fetch-site": "same-origin"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
async def test_cookie_doors_serve_known_origins_only(
    place: Place, headers: dict[str, str], status: int
) -> None:
    await place.owner.sign_in()
    refreshed = await place.owner.browser.post("/auth/refresh", headers=headers)
    left = await place.owner.browser.post("/auth/logout", headers=headers)
    assert (refreshed.status_code, left.status_code) == (status, status)


async def test_cookie_doors_take_json_only(place: Place) -> None:
    await place.owner.sign_in()
    for path in ("/auth/refresh", "/auth/logout"):
        answer = await place.owner.browser.post(path, content=b"a=1", headers={"content-type": "text/plain"})
        assert answer.status_code == 415
        assert (await place.owner.browser.post(path, json={})).status_code == 200
        assert (await place.owner.browser.post(path, json={"x": 1})).status_code == 400
        await place.owner.sign_in()


async def test_idle_session_ends_after_seven_days(place: Place) -> None:
    await place.owner.sign_in()
    place.stand.clock.advance(days=6)
    assert (await place.owner.refresh()).status_code == 200
    place.stand.clock.advance(days=7)
    assert (await place.owner.refresh()).status_code == 401
    assert [fact.message.reason for fact in await place.facts("session.revoked")] == ["ended"]


async def test_session_ends_after_thirty_days_however_busy(place: Place) -> None:
    await place.owner.sign_in()
    statuses = []
    for _ in range(5):
        place.stand.clock.advance(days=6)
        statuses.append((await place.owner.refresh()).status_code)
    assert statuses == [200] * 4 + [401]


async def test_refresh_takes_the_role_of_now(place: Place) -> None:
    person = await place.join(Role.SALES)
    await person.sign_in()
    owner = await place.act(Role.OWNER)
    await owner.browser.patch(f"/users/{person.id}", json={"role": "OPS"})
    claims = _claims(await person.refresh())
    assert (claims["role"], claims["ver"]) == ("OPS", 2)


@pytest.mark.parametrize("how", ["suspended", "deactivated"])
async def test_who_is_out_cannot_refresh(place: Place, how: str) -> None:
    person = await place.join(Role.SALES)
    await person.sign_in()
    if how == "suspended":
        owner = await place.act(Role.OWNER)
        assert (await owner.browser.post(f"/users/{person.id}/deactivate")).status_code == 200
    else:
        await place.change_account(person, is_active=False)
    assert (await person.refresh()).status_code == 401
    assert [fact.message.reason for fact in await place.facts("session.revoked")] == [how]


async def test_closed_organisation_answers_a_refresh_with_its_own_code(place: Place) -> None:
    await place.owner.sign_in()
    await place.change_organisation(place.owner, status="inactive")
    answer = await place.owner.refresh()
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")
    await place.change_organisation(place.owner, status="active")
    assert (await place.owner.refresh()).status_code == 200


async def test_logout_ends_the_session_however_often(place: Place) -> None:
    session_id = _claims(await place.owner.sign_in())["sid"]
    token = place.owner.cookie
    for _ in range(2):
        answer = await place.owner.browser.post(
            "/auth/logout", headers={"cookie": f"execos_refresh_token={token}"}
        )
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert 'execos_refresh_token=""; HttpOnly; Max-Age=0' in answer.headers["set-cookie"]
    assert (await _refresh_with(place, token)).status_code == 401
    assert await place.stand.actions(session_id) == ["LOGIN_SUCCESS", "LOGOUT"]
    assert [fact.message.reason for fact in await place.facts("session.revoked")] == ["logout"]
    assert (await place.browser().post("/auth/logout")).json() == {"success": True}


async def test_me_refuses_the_token_of_an_ended_session(place: Place) -> None:
    await place.owner.sign_in()
    await place.owner.browser.post("/auth/logout")
    answer = await place.owner.browser.get("/auth/me")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOKEN_REVOKED")


async def _two_seats(place: Place) -> Person:
    """The organisation to switch to."""
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    await place.owner.sign_in(orgSlug=place.owner.slug)
    return second


async def test_switch_moves_token_and_session_together(place: Place) -> None:
    second = await _two_seats(place)
    answer = await place.owner.browser.post("/auth/switch-org", json={"orgId": str(second.org_id)})
    assert answer.status_code == 200, answer.text
    place.owner.take(answer)
    assert (_claims(answer)["org_slug"], _claims(answer)["role"]) == (second.slug, "FINANCE")
    refreshed = await place.owner.refresh()
    assert (_claims(refreshed)["org_slug"], _claims(refreshed)["role"]) == (second.slug, "FINANCE")
    assert (await place.owner.browser.get("/auth/me")).json()["orgId"] == str(second.org_id)
    place.stand.org_id = second.org_id
    assert await place.stand.actions(_claims(answer)["sid"]) == ["SWITCH_ORG", "TOKEN_REFRESH"]


async def test_switch_is_refused_without_an_active_membership(place: Place) -> None:
    second = await _two_seats(place)
    stranger = await place.open()
    answer = await place.owner.browser.post("/auth/switch-org", json={"orgId": str(stranger.org_id)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    await place.change_organisation(second, status="archived")
    closed = await place.owner.browser.post("/auth/switch-org", json={"orgId": str(second.org_id)})
    assert (closed.status_code, closed.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")
    assert _claims(await place.owner.refresh())["org_slug"] == place.owner.slug


async def test_switch_is_refused_after_the_session_has_ended(place: Place) -> None:
    second = await _two_seats(place)
    await place.owner.browser.post("/auth/logout")
    answer = await place.owner.browser.post("/auth/switch-org", json={"orgId": str(second.org_id)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOKEN_REVOKED")


async def test_signed_in_doors_refuse_who_is_not(place: Place) -> None:
    for method, path in (("GET", "/auth/me"), ("POST", "/auth/switch-org"), ("GET", "/permissions")):
        answer = await place.browser().request(method, path)
        assert answer.status_code == 401


async def test_session_shows_nothing_secret_in_its_history(place: Place) -> None:
    await place.owner.sign_in()
    await place.owner.refresh()
    for fact in await place.facts("activity.recorded"):
        text = str(fact.message)
        assert place.owner.cookie not in text
        assert "argon2" not in text
