"""One's own sessions: seen and ended by oneself alone."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from services.identity.tests.place import Place

from identity.domain.roles import Role


def _sid(answer: Any) -> str:
    return str(jwt.decode(answer.json()["accessToken"], options={"verify_signature": False})["sid"])


async def _listed(person: Any) -> list[dict[str, Any]]:
    answer = await person.browser.get("/auth/sessions")
    assert answer.status_code == 200, answer.text
    assert answer.headers["server-timing"] == "db;desc=1"
    return list(answer.json()["items"])


async def test_a_person_sees_their_sessions_everywhere_and_nobody_elses(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    await (await place.join(Role.SALES)).sign_in()
    phone = place.owner.at(place.browser())
    phone.browser.headers["user-agent"] = "Phone/1.0"
    there = _sid(await phone.sign_in(orgSlug=second.slug))
    here = _sid(await place.owner.sign_in(orgSlug=place.owner.slug))
    listed = await _listed(place.owner)
    assert [(each["id"], each["current"]) for each in listed] == [(here, True), (there, False)]
    assert listed[1].keys() == {
        "id", "version", "current", "device", "ip", "createdAt", "lastUsedAt", "expiresAt",
    }  # fmt: skip
    assert listed[1]["device"] == "Phone/1.0"


async def test_a_session_is_listed_until_it_has_rested_as_long_as_its_organisation_allows(
    place: Place,
) -> None:
    await place.change_policies(place.owner, session_idle_days=2)
    used, resting = [place.owner.at(place.browser()) for _ in range(2)]
    resting_id = _sid(await resting.sign_in())
    started_at = place.stand.clock.now
    place.stand.clock.advance(days=1)
    await used.sign_in()
    viewer = place.owner.at(
        place.browser()
    )  # with a token of the present: the service's clock runs ahead of it
    viewer.browser.headers["authorization"] = (
        f"Bearer {place.stand.token(user_id=place.owner.id, org_slug=place.owner.slug)}"
    )
    (older,) = [each for each in await _listed(viewer) if each["id"] == resting_id]
    assert datetime.fromisoformat(older["expiresAt"]) == started_at + timedelta(days=2)
    place.stand.clock.advance(days=1)
    await used.refresh()
    assert resting_id not in {each["id"] for each in await _listed(viewer)}
    assert (await resting.refresh()).status_code == 401


async def test_an_ended_session_is_refused_and_told_and_the_others_go_on(place: Place) -> None:
    phone = place.owner.at(place.browser())
    session_id = _sid(await phone.sign_in())
    await place.owner.sign_in()
    answer = await place.owner.browser.delete(f"/auth/sessions/{session_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await phone.refresh()).status_code == 401
    assert (await place.owner.refresh()).status_code == 200
    facts = await place.facts("session.revoked")
    assert [(fact.message.session_id, fact.message.reason) for fact in facts] == [(session_id, "ended")]
    assert await place.stand.actions(session_id) == ["LOGIN_SUCCESS", "SESSION_END"]
    again = await place.owner.browser.delete(f"/auth/sessions/{session_id}")
    assert again.status_code == 404


async def test_a_session_of_somebody_else_is_not_there(place: Place) -> None:
    colleague = await place.join(Role.SALES)
    theirs = _sid(await colleague.sign_in())
    await place.owner.sign_in()
    for session_id in (theirs, str(uuid4())):
        answer = await place.owner.browser.delete(f"/auth/sessions/{session_id}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (await colleague.refresh()).status_code == 200


async def test_all_others_end_where_they_work_and_this_one_stays(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    others = [place.owner.at(place.browser()) for _ in range(2)]
    await others[0].sign_in(orgSlug=second.slug)
    await others[1].sign_in(orgSlug=place.owner.slug)
    await place.owner.sign_in(orgSlug=place.owner.slug)
    assert (await place.owner.browser.delete("/auth/sessions")).status_code == 204
    assert [(await each.refresh()).status_code for each in others] == [401, 401]
    assert (await place.owner.refresh()).status_code == 200
    for org_id in (place.owner.org_id, second.org_id):
        assert [fact.message.reason for fact in await place.facts("session.revoked", org_id=org_id)] == [
            "ended"
        ]
