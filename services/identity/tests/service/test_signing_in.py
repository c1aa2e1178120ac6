"""Signing in: who gets tokens, and that nobody learns more from a refusal than that it is one."""

import asyncio
from typing import Any
from uuid import uuid4

import jwt
import pytest
from services.identity.tests.place import PASSWORD, Place

from identity.domain.members import MemberState
from identity.domain.roles import Role
from identity.passwords import MAX_WAITING, THREADS, Passwords


async def test_right_password_gives_token_and_cookies(place: Place) -> None:
    answer = await place.owner.sign_in()
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"accessToken", "expiresIn"}
    assert answer.json()["expiresIn"] == 600
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "Secure" in cookie
        assert "SameSite=none" in cookie
        assert "Path=/api/v1/auth" in cookie
    assert [fact.type for fact in await place.facts("session.started")] == ["identity.session.started.v1"]


async def test_token_says_who_where_and_what(place: Place) -> None:
    token = (await place.owner.sign_in()).json()["accessToken"]
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert header["kid"] in {key["kid"] for key in await place.keyring.published()}
    assert claims.keys() == {
        "iss", "aud", "sub", "org", "org_slug", "role", "scope", "sid", "ver", "jti", "iat", "nbf", "exp",
        "auth_time", "name", "email",
    }  # fmt: skip
    assert claims["sub"] == str(place.owner.id)
    assert claims["org"] == str(place.owner.org_id)
    assert (claims["org_slug"], claims["role"], claims["scope"], claims["ver"]) == (
        place.owner.slug,
        "OWNER",
        "* ownership:manage",
        1,
    )
    assert claims["exp"] - claims["iat"] == 600


async def test_me_shows_the_person_and_their_active_memberships(place: Place) -> None:
    other = await place.open()
    away = await place.open()
    await place.join(Role.FINANCE, at=other, email=place.owner.email)
    await place.join(Role.SALES, at=away, email=place.owner.email, status=MemberState.INVITED)
    await place.owner.sign_in(orgSlug=place.owner.slug)
    answer = await place.owner.browser.get("/auth/me")
    assert answer.status_code == 200, answer.text
    me = answer.json()
    assert (me["id"], me["email"], me["role"]) == (str(place.owner.id), place.owner.email, "OWNER")
    assert me["orgId"] == me["activeOrgId"] == str(place.owner.org_id)
    assert {(each["orgSlug"], each["role"], each["status"]) for each in me["memberships"]} == {
        (place.owner.slug, "OWNER", "active"),
        (other.slug, "FINANCE", "active"),
    }
    assert "invoices:void" in me["permissions"]
    assert answer.headers["server-timing"] == "db;desc=1"


async def _refused(place: Place, case: str) -> tuple[int, Any]:
    person = await place.join(Role.SALES)
    given: dict[str, Any] = {"password": "wrong password"}
    if case == "unknown":
        person.email = f"{uuid4().hex}@nobody.example"
    elif case == "deactivated":
        await place.change_account(person, is_active=False)
        given = {}
    elif case == "suspended":
        person = await place.join(Role.SALES, status=MemberState.SUSPENDED)
        given = {}
    elif case == "invited":
        await place.change_account(person, password_hash=None)
        given = {}
    elif case == "elsewhere":
        given = {"orgSlug": (await place.open()).slug}
    elif case == "locked":
        for _ in range(5):
            await person.sign_in("wrong password")
        given = {}
    answer = await person.sign_in(**given)
    error = answer.json()["error"]
    error.pop("requestId")
    assert "set-cookie" not in answer.headers
    return answer.status_code, error


@pytest.mark.parametrize(
    "case", ["wrong", "unknown", "deactivated", "suspended", "invited", "elsewhere", "locked"]
)
async def test_every_refusal_reads_the_same(place: Place, case: str) -> None:
    assert await _refused(place, case) == (
        401,
        {
            "code": "UNAUTHORIZED",
            "message": "The e-mail address or the password is not right, or there were too many attempts.",
        },
    )


async def test_parallel_guesses_never_exceed_the_budget(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str | None] = []
    verify = place.reception.passwords.verify

    async def count(password: str, stored: str | None) -> Any:
        checked.append(stored)
        return await verify("", None)

    monkeypatch.setattr(place.reception.passwords, "verify", count)
    answers = await asyncio.gather(*(place.owner.sign_in(f"guess {number}") for number in range(50)))
    assert {answer.status_code for answer in answers} == {401}
    assert len(checked) == 50
    assert len([stored for stored in checked if stored is not None]) == 5


async def test_fifty_parallel_guesses_do_not_lock_the_owner_out_of_a_known_device(place: Place) -> None:
    assert (await place.owner.sign_in()).status_code == 200
    stranger = place.owner.at(place.browser())
    *guesses, own = await asyncio.gather(
        *(stranger.sign_in(f"guess {number}") for number in range(50)), place.owner.sign_in()
    )
    assert {answer.status_code for answer in guesses} == {401}
    assert own.status_code == 200
    assert (await stranger.sign_in()).status_code == 401


async def test_two_hundred_at_once_hash_two_at_a_time_and_who_does_not_fit_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing, most = 0, 0
    before, passwords = place.reception.passwords, Passwords(memory_kib=8192)  # long enough to overlap
    place.hash_with(passwords)
    verify = passwords._argon2.verify

    def count(password: Any, stored: Any) -> bool:
        nonlocal hashing, most
        hashing += 1
        most = max(most, hashing)
        try:
            return verify(password, stored)
        finally:
            hashing -= 1

    monkeypatch.setattr(passwords._argon2, "verify", count)
    person = await place.join(Role.SALES)
    await place.change_account(
        person, password_hash=None
    )  # nobody's hash is compared, at the cost of `passwords`
    browsers = [person.at(place.browser()) for _ in range(200)]
    answers = await asyncio.gather(*(each.sign_in("wrong password") for each in browsers))
    assert most <= THREADS
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {401, 503}
    assert statuses.count(401) >= MAX_WAITING
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert int(busy.headers["retry-after"]) >= 1
    await place.reception.settle()
    place.hash_with(before)
    passwords.close()


async def test_a_spike_of_failures_is_a_security_event_once(place: Place) -> None:
    for _ in range(4):
        await place.owner.sign_in("wrong password")
    await place.reception.settle()
    assert await place.security_events() == []
    for _ in range(3):
        await place.owner.sign_in("wrong password")
        await place.reception.settle()
    assert await place.security_events() == [("FAILED_LOGIN_SPIKE", "MEDIUM")]
    (fact,) = await place.facts("security_event.raised")
    assert (fact.message.type, fact.message.user_id) == ("FAILED_LOGIN_SPIKE", str(place.owner.id))


async def test_a_sign_in_on_an_unknown_device_is_a_security_event_but_the_first_ever(place: Place) -> None:
    for _ in range(2):
        assert (await place.owner.sign_in()).status_code == 200
    assert await place.security_events() == []
    elsewhere = place.owner.at(place.browser())
    for _ in range(2):
        assert (await elsewhere.sign_in()).status_code == 200
    assert await place.security_events() == [("NEW_DEVICE", "LOW")]


async def test_many_may_sign_in_as_one_person_at_once(place: Place) -> None:
    answers = await asyncio.gather(*(place.owner.sign_in() for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}


async def test_login_is_two_transactions_of_eight_statements(place: Place) -> None:
    await place.owner.sign_in()  # the first one loads the keys
    # Who it may be, the budget; the seat, the session and the account, the budget again, the ledger.
    assert (await place.owner.sign_in()).headers["server-timing"] == "db;desc=8"


async def test_locked_account_opens_again_later_and_later(place: Place) -> None:
    for _ in range(5):
        await place.owner.sign_in("wrong password")
    assert (await place.owner.sign_in()).status_code == 401
    place.stand.clock.advance(seconds=31)
    assert (await place.owner.sign_in("wrong password")).status_code == 401
    place.stand.clock.advance(seconds=31)
    assert (await place.owner.sign_in()).status_code == 401
    place.stand.clock.advance(seconds=31)
    assert (await place.owner.sign_in()).status_code == 200
    assert (await place.owner.sign_in("wrong password")).status_code == 401
    assert (await place.owner.sign_in()).status_code == 200


async def test_stranger_cannot_lock_out_an_owner_on_a_known_device(place: Place) -> None:
    assert (await place.owner.sign_in()).status_code == 200
    stranger = place.browser()
    for _ in range(6):
        await stranger.post("/auth/login", json={"email": place.owner.email, "password": "wrong password"})
    again = await stranger.post("/auth/login", json={"email": place.owner.email, "password": PASSWORD})
    assert again.status_code == 401
    assert (await place.owner.sign_in()).status_code == 200


async def test_mark_of_a_device_counts_for_its_person_only(place: Place) -> None:
    attacker = await place.join(Role.SALES)
    assert (await attacker.sign_in()).status_code == 200
    body = {"email": place.owner.email, "password": "wrong password"}
    for _ in range(5):
        await place.browser().post("/auth/login", json=body)
    right = await attacker.browser.post("/auth/login", json=body | {"password": PASSWORD})
    assert right.status_code == 401


async def test_failures_are_told_once_in_five_minutes(place: Place) -> None:
    for _ in range(3):
        await place.owner.sign_in("wrong password")
        await place.reception.settle()
    assert [fact.message.attempts for fact in await place.facts("login.failed")] == [1]
    place.stand.clock.advance(minutes=6)
    await place.owner.sign_in("wrong password")
    await place.reception.settle()
    facts = await place.facts("login.failed")
    assert [fact.message.attempts for fact in facts] == [1, 3]
    assert facts[1].message.user_id == str(place.owner.id)


async def test_failures_of_unknown_addresses_are_told_to_nobody(place: Place) -> None:
    place.owner.email = f"{uuid4().hex}@nobody.example"
    await place.owner.sign_in()
    await place.reception.settle()
    assert await place.facts("login.failed") == []


async def test_bcrypt_hash_works_once_and_is_replaced(place: Place) -> None:
    import bcrypt  # noqa: PLC0415 - needed by this test only

    long = "a password far longer than seventy-two bytes, of which bcrypt looks only at the first"
    stored = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    await place.change_account(place.owner, password_hash=stored)
    assert (await place.owner.sign_in(long)).status_code == 200
    assert (await place.owner.sign_in(long[:72])).status_code == 401
    assert (await place.owner.sign_in(long)).status_code == 200


async def test_member_of_several_organisations_lands_where_they_worked_last(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    first = await place.owner.sign_in()
    chosen = await place.owner.sign_in(orgSlug=second.slug)
    again = await place.owner.sign_in()
    slugs = [
        jwt.decode(answer.json()["accessToken"], options={"verify_signature": False})["org_slug"]
        for answer in (first, chosen, again)
    ]
    assert slugs == [place.owner.slug, second.slug, second.slug]


async def test_closed_organisation_lets_nobody_in(place: Place) -> None:
    await place.change_organisation(place.owner, status="archived")
    answer = await place.owner.sign_in()
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@b.example"},
        {"email": "a@b.example", "password": ""},
        {"email": "a@b.example", "password": "x" * 257},
        {"email": "a@b.example", "password": "a\x00b"},
        {"email": "a@b.example", "password": "\ud800"},
        {"email": "a@b.example", "password": "x", "role": "OWNER"},
        {"email": ["a@b.example"], "password": "x"},
        {"email": "nobody", "password": "x"},
        {"email": "\ud800@b.example", "password": "x"},
        [],
    ],
)
async def test_malformed_login_is_refused_before_anything_is_counted(place: Place, body: Any) -> None:
    import json  # noqa: PLC0415 - the client itself cannot write a lone surrogate

    answer = await place.browser().post(
        "/auth/login", content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR"), answer.text


@pytest.mark.parametrize(
    ("password", "issue"),
    [
        ("", "String should have at least 1 character"),
        ("x" * 257, "String should have at most 256 characters"),
    ],
)
async def test_what_is_wrong_with_a_password_is_said_in_characters(
    place: Place, password: str, issue: str
) -> None:
    answer = await place.owner.sign_in(password)
    assert answer.json()["error"]["details"] == [{"field": "password", "issues": [issue]}]


async def test_email_is_compared_without_case_and_password_with_its_spaces(place: Place) -> None:
    place.owner.email = f"  {place.owner.email.upper()} "
    assert (await place.owner.sign_in()).status_code == 200
    assert (await place.owner.sign_in(f" {PASSWORD}")).status_code == 401


async def test_both_spellings_of_a_domain_are_one_address(place: Place) -> None:
    person = await place.join(Role.SALES, email=f"{uuid4().hex}@münchen.example")
    person.email = person.email.replace("münchen", "xn--mnchen-3ya")
    assert (await person.sign_in()).status_code == 200


async def test_login_ignores_an_idempotency_key(place: Place) -> None:
    body = {"email": place.owner.email, "password": PASSWORD}
    answers = [
        await place.browser().post("/auth/login", json=body, headers={"idempotency-key": "same"})
        for _ in range(2)
    ]
    assert answers[0].json()["accessToken"] != answers[1].json()["accessToken"]
