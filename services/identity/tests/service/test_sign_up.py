"""Signing up: a person and their first organisation, where the deployment allows it."""

import asyncio
from random import randrange
from typing import Any
from uuid import uuid4

import jwt
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Place

from chassis.runtime import Platform
from identity.domain.members import MemberState
from identity.domain.roles import Role


def _body(**more: Any) -> dict[str, Any]:
    person = {"name": "Nina New", "email": f"{uuid4().hex}@new.example", "password": PASSWORD}
    return person | {"organisation": {"name": f"Works {uuid4().hex[:12]}"}} | more


async def test_who_signs_up_owns_a_new_organisation_and_is_signed_in(place: Place) -> None:
    browser, body = (
        place.browser(),
        _body(organisation={"name": "New Works", "slug": f"new-{uuid4().hex[:8]}"}),
    )
    answer = await browser.post("/auth/signup", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json().keys() == {"accessToken", "expiresIn"}
    assert len(answer.headers.get_list("set-cookie")) == 2
    assert (await browser.post("/auth/refresh")).status_code == 200
    browser.headers["authorization"] = f"Bearer {answer.json()['accessToken']}"
    me = (await browser.get("/auth/me")).json()
    assert (me["name"], me["email"], me["role"], me["emailVerified"]) == (
        "Nina New", body["email"], "OWNER", False,
    )  # fmt: skip
    assert [each["orgSlug"] for each in me["memberships"]] == [body["organisation"]["slug"]]
    facts = await place.stand.facts(org_id=me["orgId"])
    assert [fact.type.split(".", 1)[1] for fact in facts] == [
        "organisation.created.v1",
        "member.joined.v1",
        "user.registered.v1",
        "session.started.v1",
        "email.verification_requested.v1",
        "session.refreshed.v1",
    ]
    assert facts[2].message.user.email == body["email"]
    assert facts[4].message.kind == "EMAIL_VERIFICATION"


async def test_where_it_is_switched_off_nobody_signs_up(place: Place) -> None:
    for settings in ({"allow_signup": False}, {"allow_signup": None, "environment": "production"}):
        place.set(**settings)
        answer = await place.browser().post("/auth/signup", json=_body())
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "SIGNUP_DISABLED")
    place.set(allow_signup=None, environment="development")
    assert (await place.browser().post("/auth/signup", json=_body())).status_code == 201


async def test_a_known_address_is_taken_and_stays_as_it_is(place: Place) -> None:
    provided = await place.join(Role.SALES)
    await place.change_account(provided, password_hash=None, last_login_at=place.stand.clock.now)
    suspended = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    for person in (place.owner, suspended, provided):
        body = _body(email=person.email.upper(), password="another horse battery staple")
        answer = await place.browser().post("/auth/signup", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "EMAIL_TAKEN")
    assert (await place.owner.sign_in()).status_code == 200


async def test_somebody_who_was_only_invited_may_sign_up_and_stays_invited(place: Place) -> None:
    owner = await place.act(Role.OWNER)
    email = f"{uuid4().hex}@new.example"
    body = {"name": "Nina Invited", "email": email, "role": "SALES"}
    assert (await owner.browser.post("/users", json=body)).status_code == 201
    answer = await place.browser().post("/auth/signup", json=_body(email=email))
    assert answer.status_code == 201, answer.text
    claims = jwt.decode(answer.json()["accessToken"], options={"verify_signature": False})
    assert claims["org"] != str(place.owner.org_id)
    (member,) = (await owner.browser.get("/users", params={"q": email})).json()["items"]
    assert (member["status"], member["name"]) == ("invited", "Nina Invited")


async def test_of_several_who_sign_up_with_one_address_at_once_one_gets_it(place: Place) -> None:
    body = _body()
    await place.warm()
    answers = await asyncio.gather(
        *(place.browser().post("/auth/signup", json=body | _organisation()) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {
        "EMAIL_TAKEN"
    }


def _organisation() -> dict[str, Any]:
    return {"organisation": {"name": f"Works {uuid4().hex[:12]}"}}


async def test_one_address_cannot_sign_up_without_end(place: Place) -> None:
    place.set(sign_ups_per_day=2, profile="default")
    there = place.browser(f"2001:db8::{randrange(1, 1 << 16):x}:{randrange(1, 1 << 16):x}")
    statuses = [(await there.post("/auth/signup", json=_body())).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]
    place.stand.clock.advance(seconds=31)
    assert (await there.post("/auth/signup", json=_body())).status_code == 201
    refused = await there.post("/auth/signup", json=_body())
    assert (refused.json()["error"]["code"], int(refused.headers["retry-after"])) == (
        "TOO_MANY_REQUESTS",
        900,
    )


async def test_the_password_must_keep_to_the_rules(place: Place) -> None:
    for password, organisation in (("short", "Works"), ("northwind 2024", "Northwind"), (PASSWORD, "x")):
        body = _body(password=password, organisation={"name": organisation})
        answer = await place.browser().post("/auth/signup", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_nobody_signs_up_on_the_host_of_an_organisation(place: Place) -> None:
    object.__setattr__(place.stand.runtime, "platform", Platform(root_domain=ROOT_DOMAIN))
    host = {"host": f"{place.owner.slug}.{ROOT_DOMAIN}:8443"}
    assert (await place.browser().post("/auth/signup", json=_body(), headers=host)).status_code == 403
