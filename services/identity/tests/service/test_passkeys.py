"""Passkeys: registered, used alone or after the password, and nothing forged, copied or sent twice is accepted."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import jwt
import pytest
from services.identity.tests.authenticator import Authenticator, assertion, enroll, register
from services.identity.tests.place import Person, Place
from sqlalchemy import func, select
from webauthn.helpers import bytes_to_base64url

from identity.domain.members import MemberState
from identity.domain.passkeys import Passkey, SpentChallenge
from identity.domain.roles import Role

REFUSED = (401, "UNAUTHORIZED", "The passkey was not accepted.")


def _claims(answer: Any) -> dict[str, Any]:
    return dict(jwt.decode(answer.json()["accessToken"], options={"verify_signature": False}))


def _error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def _refusal(answer: Any) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


async def _with_passkey(place: Place) -> tuple[Person, Authenticator]:
    person, authenticator = await place.join(Role.SALES), Authenticator()
    assert (await person.sign_in()).status_code == 200
    answer = await register(person, authenticator, name="Laptop")
    assert answer.status_code == 201, answer.text
    return person, authenticator


async def _enter(person: Person, authenticator: Authenticator, **more: Any) -> Any:
    credential = await assertion(person, authenticator)
    answer = await person.browser.post("/auth/passkeys/login/verify", json={"credential": credential, **more})
    person.take(answer)
    return answer


# ------------------------------------------------------------------------------------------------- registering


async def test_registered_passkey_is_shown_told_and_makes_the_session_strong(place: Place) -> None:
    person, authenticator = Person(**vars(place.owner)), Authenticator()
    await person.sign_in()
    answer = await register(person, authenticator, name="Laptop")
    assert (answer.status_code, answer.headers["location"]) == (201, "/api/v1/auth/second-factors")
    assert answer.json()["name"] == "Laptop"
    shown = (await person.browser.get("/auth/second-factors")).json()
    assert [(each["id"], each["name"]) for each in shown["passkeys"]] == [(answer.json()["id"], "Laptop")]
    assert _claims(await person.refresh())["mfa"] is True
    (event,) = await place.facts("security_event.raised")
    assert (event.message.type, event.message.user_id) == ("SECOND_FACTOR_ENABLED", str(person.id))


async def test_options_ask_for_a_verified_user_and_a_discoverable_key(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    options = (await person.browser.post("/auth/passkeys/register/options")).json()["publicKey"]
    assert options["rp"] == {"name": "Execos", "id": "localhost"}
    assert options["user"]["id"] == bytes_to_base64url(person.id.bytes)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["attestation"] == "none"
    assert [each["id"] for each in options["excludeCredentials"]] == [
        bytes_to_base64url(authenticator.credential_id)
    ]


@pytest.mark.parametrize(
    "forged",
    [
        {"origin": "https://evil.test"},
        {"rp_id": "evil.test"},
        {"is_verifying": False},
    ],
    ids=lambda each: next(iter(each)),
)
async def test_what_was_made_elsewhere_or_without_the_user_is_not_registered(
    place: Place, forged: dict[str, Any]
) -> None:
    person = await place.join(Role.SALES)
    await person.sign_in()
    assert _error(await register(person, Authenticator(**forged))) == (400, "BAD_REQUEST")


async def test_page_on_the_host_that_was_asked_may_register(place: Place) -> None:
    person = await place.join(Role.SALES)
    await person.sign_in()
    host = f"{person.slug}.execos.localhost"
    there = Authenticator(origin=f"https://{host}:8443")
    assert _error(await register(person, there)) == (400, "BAD_REQUEST")
    person.browser.headers["host"] = host
    assert (await register(person, there)).status_code == 201


async def test_challenge_is_for_its_person_its_time_and_one_answer(place: Place) -> None:
    person, other = await place.join(Role.SALES), await place.join(Role.SALES)
    await person.sign_in()
    await other.sign_in()
    path, authenticator = "/auth/passkeys/register/verify", Authenticator()
    options = (await person.browser.post("/auth/passkeys/register/options")).json()["publicKey"]
    body = {"credential": authenticator.create(options)}
    assert _error(await other.browser.post(path, json=body)) == (400, "BAD_REQUEST")
    place.stand.clock.advance(minutes=5)
    assert _error(await person.browser.post(path, json=body)) == (400, "BAD_REQUEST")
    place.stand.clock.advance(minutes=-5)
    assert (await person.browser.post(path, json=body)).status_code == 201
    authenticator.credential_id = b"another"
    again = {"credential": authenticator.create(options)}
    assert _error(await person.browser.post(path, json=again)) == (400, "BAD_REQUEST")


async def test_challenge_for_signing_in_registers_nothing(place: Place) -> None:
    person, authenticator = await place.join(Role.SALES), Authenticator()
    await person.sign_in()
    options = (await person.browser.post("/auth/passkeys/login/options")).json()["publicKey"]
    credential = authenticator.create(options | {"user": {"id": ""}})
    answer = await person.browser.post("/auth/passkeys/register/verify", json={"credential": credential})
    assert _error(answer) == (400, "BAD_REQUEST")


async def test_authenticator_is_registered_once(place: Place) -> None:
    _, authenticator = await _with_passkey(place)
    other = await place.join(Role.SALES)
    await other.sign_in()
    assert _error(await register(other, authenticator)) == (409, "PASSKEY_EXISTS")


# ------------------------------------------------------------------------------------------------- signing in


async def test_passkey_alone_lets_in(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    stranger = replace(person, browser=place.browser())
    answer = await _enter(stranger, authenticator)
    assert answer.status_code == 200, answer.text
    claims = _claims(answer)
    assert (claims["sub"], claims["org"], claims["mfa"]) == (str(person.id), str(person.org_id), True)
    assert set(stranger.browser.cookies) == {"execos_refresh_token", "execos_device"}
    assert (await stranger.refresh()).status_code == 200
    assert await place.stand.actions(claims["sid"]) == ["LOGIN_SUCCESS", "TOKEN_REFRESH"]
    shown = (await stranger.browser.get("/auth/second-factors")).json()["passkeys"][0]
    assert shown["lastUsedAt"] is not None


async def test_options_for_signing_in_name_nobody_and_store_nothing(place: Place) -> None:
    answer = await place.browser().post("/auth/passkeys/login/options")
    options = answer.json()["publicKey"]
    assert (options["allowCredentials"], options["userVerification"]) == ([], "required")
    assert answer.headers["server-timing"] == "db;desc=0"


async def _forge(place: Place, case: str) -> Any:
    person, authenticator = await _with_passkey(place)
    person.browser = place.browser()
    if case == "origin":
        authenticator.origin = "https://evil.test"
    elif case == "relying party":
        authenticator.rp_id = "evil.test"
    elif case == "not verified":
        authenticator.is_verifying = False
    elif case == "other key":
        authenticator.key = Authenticator().key
    elif case == "unknown":
        authenticator.credential_id = b"unknown"
    elif case == "of somebody else":
        authenticator.user_handle = bytes_to_base64url(uuid4().bytes)
    elif case == "suspended":
        await place.change_member(person, status=MemberState.SUSPENDED)
    elif case == "deactivated":
        await place.change_account(person, is_active=False)
    return await _enter(person, authenticator, **({"orgSlug": "elsewhere"} if case == "elsewhere" else {}))


@pytest.mark.parametrize(
    "case",
    ["origin", "relying party", "not verified", "other key", "unknown", "of somebody else",
     "suspended", "deactivated", "elsewhere"],
)  # fmt: skip
async def test_every_refusal_reads_the_same(place: Place, case: str) -> None:
    answer = await _forge(place, case)
    assert _refusal(answer) == REFUSED
    assert "set-cookie" not in answer.headers


async def test_closed_organisation_lets_nobody_in(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    await place.change_organisation(person, status="archived")
    assert _error(await _enter(person, authenticator)) == (403, "ORGANISATION_INACTIVE")


async def test_answer_is_accepted_once_also_twice_at_once(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    body = {"credential": await assertion(person, authenticator)}
    await place.warm()
    browsers = [place.browser() for _ in range(3)]
    answers = await asyncio.gather(
        *(each.post("/auth/passkeys/login/verify", json=body) for each in browsers)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_answer_of_an_authenticator_that_does_not_count_is_accepted_once(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    authenticator.count = -1
    body = {"credential": await assertion(person, authenticator)}
    answers = [await person.browser.post("/auth/passkeys/login/verify", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    authenticator.count = -1
    assert (await _enter(person, authenticator)).status_code == 200  # platform authenticators stay at zero


async def test_old_challenge_is_not_accepted(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    body = {"credential": await assertion(person, authenticator)}
    place.stand.clock.advance(minutes=5)
    assert _refusal(await person.browser.post("/auth/passkeys/login/verify", json=body)) == REFUSED


async def test_copy_of_an_authenticator_is_found_out_by_its_counter(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    copy = replace(authenticator)
    for _ in range(2):
        assert (await _enter(person, authenticator)).status_code == 200
    assert _refusal(await _enter(person, copy)) == REFUSED


async def test_tenant_host_lets_in_to_its_organisation(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    second = await place.open()
    host = {"host": f"{second.slug}.execos.localhost"}
    body = {"credential": await assertion(person, authenticator)}
    refused = await person.browser.post("/auth/passkeys/login/verify", json=body, headers=host)
    assert _refusal(refused) == REFUSED
    await place.join(Role.FINANCE, at=second, email=person.email)
    again = {"credential": await assertion(person, authenticator)}
    answer = await person.browser.post("/auth/passkeys/login/verify", json=again, headers=host)
    assert _claims(answer)["org_slug"] == second.slug


async def test_passkey_is_the_second_step_of_a_password(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    missing = await person.sign_in()
    assert _error(missing) == (401, "SECOND_FACTOR_REQUIRED")
    assert missing.json()["error"]["details"] == {"methods": ["passkey"]}
    answer = await person.sign_in(passkey=await assertion(person, authenticator))
    assert answer.status_code == 200, answer.text
    assert _claims(answer)["mfa"] is True


async def test_passkey_of_somebody_else_is_no_second_step(place: Place) -> None:
    person, _ = await _with_passkey(place)
    other, authenticator = await _with_passkey(place)
    refused = await person.sign_in(passkey=await assertion(other, authenticator))
    assert _error(refused) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("bad", ["é", "A", "!!", "A" * 5000])
async def test_bytes_that_are_none_are_refused(place: Place, bad: str) -> None:
    person, authenticator = await _with_passkey(place)
    credential = await assertion(person, authenticator)
    for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        forged = credential | {"response": credential["response"] | {name: bad}}
        answer = await person.browser.post("/auth/passkeys/login/verify", json={"credential": forged})
        assert answer.status_code in {400, 401}, answer.text


async def test_spent_challenges_are_forgotten_when_they_are_old(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    await _enter(person, authenticator)
    place.stand.clock.advance(minutes=6)
    await place.stand.run_periodic("forget-sign-ins")
    async with place.reception.tx() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(SpentChallenge)) == 0


# ---------------------------------------------------------------------------------------- naming, taking away


async def test_passkey_gets_another_name(place: Place) -> None:
    person, _ = await _with_passkey(place)
    (passkey,) = (await person.browser.get("/auth/second-factors")).json()["passkeys"]
    answer = await person.browser.patch(f"/auth/passkeys/{passkey['id']}", json={"name": "Desk"})
    assert (answer.status_code, answer.json()["name"], answer.headers["etag"]) == (200, "Desk", '"2"')
    assert await place.stand.actions(passkey["id"]) == ["CREATE", "UPDATE"]
    same = await person.browser.patch(f"/auth/passkeys/{passkey['id']}", json={"name": "Desk"})
    assert same.headers["etag"] == '"2"'


async def test_last_passkey_taken_away_leaves_the_password_alone(place: Place) -> None:
    person, authenticator = await _with_passkey(place)
    other = replace(person, browser=place.browser())
    await _enter(other, authenticator)
    (passkey,) = (await person.browser.get("/auth/second-factors")).json()["passkeys"]
    assert (await person.browser.delete(f"/auth/passkeys/{passkey['id']}")).status_code == 204
    assert _refusal(await _enter(person, authenticator)) == REFUSED
    assert (await other.refresh()).status_code == 401
    assert "mfa" not in _claims(await person.sign_in())
    events = [fact.message.type for fact in await place.facts("security_event.raised")]
    assert events == ["SECOND_FACTOR_ENABLED", "NEW_DEVICE", "SECOND_FACTOR_DISABLED"]


async def test_one_of_two_factors_taken_away_leaves_the_session_strong(place: Place) -> None:
    person, _ = await _with_passkey(place)
    await enroll(place, person)
    (passkey,) = (await person.browser.get("/auth/second-factors")).json()["passkeys"]
    assert (await person.browser.delete(f"/auth/passkeys/{passkey['id']}")).status_code == 204
    assert _claims(await person.refresh())["mfa"] is True
    assert (await person.browser.get("/auth/second-factors")).json()["recoveryCodesLeft"] == 10


async def test_passkey_of_somebody_else_is_not_found(place: Place) -> None:
    person, _ = await _with_passkey(place)
    other, _ = await _with_passkey(place)
    (passkey,) = (await other.browser.get("/auth/second-factors")).json()["passkeys"]
    path = f"/auth/passkeys/{passkey['id']}"
    assert (await person.browser.patch(path, json={"name": "Mine"})).status_code == 404
    assert (await person.browser.delete(path)).status_code == 404


async def test_there_is_an_end_to_how_many_one_can_have(place: Place) -> None:
    person, _ = await _with_passkey(place)
    async with place.reception.tx() as tx:
        for number in range(19):
            tx.add(_another(person, number, tx.now))
    assert _error(await person.browser.post("/auth/passkeys/register/options")) == (409, "CONFLICT")


def _another(person: Person, number: int, now: Any) -> Passkey:
    return Passkey(
        id=uuid4(),
        user_id=person.id,
        version=1,
        created_at=now,
        updated_at=now,
        name=str(number),
        credential_id=f"{person.id}{number}".encode(),
        public_key=b"",
        sign_count=0,
    )
