"""Signing in with OpenID providers: whom it lets in, and that nobody else finds a way in beside it."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid4

import jwt
import pytest
from services.identity.tests.authenticator import Authenticator, assertion, register
from services.identity.tests.oidc import (
    HOME,
    LOST,
    NOT_ADMITTED,
    REFUSED,
    finish,
    sign_in,
    start,
    vouches,
)
from services.identity.tests.openid import RogueProvider, StandardProvider
from services.identity.tests.place import PASSWORD, Person, Place
from sqlalchemy import select

from chassis.auth import system_actor
from identity.domain.accounts import Account
from identity.domain.members import MemberState
from identity.domain.oidc_states import OidcState
from identity.domain.roles import Role
from identity.usecases.oidc import unlink_identity


async def _account(place: Place, person: Person) -> Account:
    async with place.reception.tx() as tx:
        return (await tx.session.scalars(select(Account).where(Account.id == person.id))).one()


async def _links(place: Place) -> list[Any]:
    """What was said about accounts that a provider signs in from now on."""
    events = [fact.message for fact in await place.facts("security_event.raised")]
    return [event for event in events if event.type == "IDENTITY_LINKED"]


# ------------------------------------------------------------------------------------------- the right way


async def test_a_person_signs_in_with_a_standard_provider(trusting: Place, standard: StandardProvider):
    person = await trusting.join(Role.SALES)
    subject = f"subject-{uuid4()}"
    standard.know(subject, email=person.email.upper(), email_verified=True)
    address = await start(person.browser, "standard", returnTo="/deals?stage=open#first")
    answer = await finish(person.browser, standard.sign_in(address, subject))
    assert answer.headers["location"] == f"{HOME}/deals?stage=open#first"
    assert {"execos_refresh_token", "execos_device"} <= set(answer.cookies)
    refreshed = await person.refresh()
    claims = jwt.decode(refreshed.json()["accessToken"], options={"verify_signature": False})
    assert (claims["sub"], claims["org"], claims["role"]) == (str(person.id), str(person.org_id), "SALES")
    started = await trusting.facts("session.started")
    assert [fact.message.user_id for fact in started] == [str(person.id)]
    assert await trusting.stand.actions(claims["sid"]) == ["LOGIN_SUCCESS", "TOKEN_REFRESH"]
    assert await trusting.stand.actions(person.id) == ["EMAIL_VERIFY"]
    (verified,) = await trusting.facts("email.verified")
    assert verified.message.user_id == str(person.id)
    (linked,) = await _links(trusting)
    assert linked.user_id == str(person.id)


async def test_the_providers_subject_counts_once_it_is_linked(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    assert await sign_in(trusting, rogue) == f"{HOME}/"
    rogue.claims = {"email": "another@elsewhere.example", "email_verified": False}
    assert await sign_in(trusting, rogue) == f"{HOME}/"
    assert len(await trusting.facts("session.started")) == 2
    assert len(await _links(trusting)) == 1


async def test_a_device_that_is_new_to_somebody_is_told(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    for _ in range(2):
        await sign_in(trusting, rogue, person.browser)
    await sign_in(trusting, rogue)
    events = [fact.message.type for fact in await trusting.facts("security_event.raised")]
    assert events == ["IDENTITY_LINKED", "NEW_DEVICE"]


async def test_two_tabs_of_one_browser_each_find_their_way(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    callbacks = [rogue.sign_in(await start(person.browser, returnTo=f"/{tab}")) for tab in (1, 2)]
    ends = [(await finish(person.browser, callback)).headers["location"] for callback in callbacks]
    assert ends == [f"{HOME}/1", f"{HOME}/2"]


async def test_who_signs_in_while_it_is_being_unlinked_waits_and_is_not_let_in(
    trusting: Place, rogue: RogueProvider
):
    person = await trusting.act(Role.SALES)
    vouches(rogue, person)
    await sign_in(trusting, rogue)
    (found,) = (await person.browser.get("/auth/identities")).json()["items"]
    browser = trusting.browser()
    callback = rogue.sign_in(await start(browser))
    async with trusting.reception.tx() as tx:
        tx.actor = system_actor(person.org_id)
        await unlink_identity(tx, person.id, UUID(found["id"]))
        await tx.flush()
        coming = asyncio.create_task(finish(browser, callback))
        done, _ = await asyncio.wait({coming}, timeout=0.5)
        assert not done
    assert (await coming).headers["location"] == NOT_ADMITTED


async def test_two_first_sign_ins_at_once_link_one_identity(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    await trusting.warm()
    ends = await asyncio.gather(*(sign_in(trusting, rogue) for _ in range(4)))
    assert set(ends) == {f"{HOME}/"}
    assert len(await _links(trusting)) == 1


# ------------------------------------------------------------------------------------------ who is let in


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}]
)
async def test_an_address_that_the_provider_has_not_confirmed_opens_nothing(
    trusting: Place, rogue: RogueProvider, claims: dict[str, Any]
):
    vouches(rogue, await trusting.join(Role.SALES), **claims)
    assert await sign_in(trusting, rogue) == NOT_ADMITTED


@pytest.mark.parametrize(
    "case", ["unknown", "no address", "deactivated", "suspended", "invited", "no organisation"]
)
async def test_whoever_is_not_let_in_is_told_nothing(trusting: Place, rogue: RogueProvider, case: str):
    status = {"suspended": MemberState.SUSPENDED, "invited": MemberState.INVITED}
    person = await trusting.join(Role.SALES, status=status.get(case, MemberState.ACTIVE))
    vouches(rogue, person)
    if case == "unknown":
        rogue.claims["email"] = f"{uuid4().hex}@nobody.example"
    elif case == "no address":
        rogue.claims["email"] = None
    elif case == "deactivated":
        await trusting.change_account(person, is_active=False)
    elif case == "no organisation":
        async with trusting.reception.tx() as tx:
            account = Account.of(f"{uuid4().hex}@lonely.example", "Lonely Person", tx.now)
            tx.add(account)
        rogue.claims["email"] = account.email
    assert await sign_in(trusting, rogue) == NOT_ADMITTED
    assert await trusting.facts("session.started", "security_event.raised") == []


async def test_a_second_subject_with_the_same_address_is_somebody_else(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    assert await sign_in(trusting, rogue) == f"{HOME}/"
    rogue.subject = f"another-{uuid4()}"
    assert await sign_in(trusting, rogue) == NOT_ADMITTED


async def test_who_made_an_account_for_an_address_not_theirs_loses_it(trusting: Place, rogue: RogueProvider):
    """Pre-hijacking: password and sessions are older than the proof that the address is somebody's."""
    thief = await trusting.join(Role.SALES)
    assert (await thief.sign_in()).status_code == 200
    kept = Authenticator()
    assert (await register(thief, kept)).status_code == 201
    vouches(rogue, thief)
    owner = trusting.browser()
    assert await sign_in(trusting, rogue, owner) == f"{HOME}/"
    assert (await thief.refresh()).status_code == 401
    assert (await thief.sign_in(PASSWORD)).status_code == 401
    answer = {"credential": await assertion(thief, kept)}
    assert (await thief.browser.post("/auth/passkeys/login/verify", json=answer)).status_code == 401
    account = await _account(trusting, thief)
    assert account.password_hash is None
    assert account.email_verified_at == trusting.stand.clock.now
    revoked = await trusting.facts("session.revoked")
    assert [fact.message.reason for fact in revoked] == ["password_changed"]
    (linked,) = await _links(trusting)
    assert linked.severity == "HIGH"
    assert (await owner.post("/auth/refresh")).status_code == 200


async def test_second_factor_at_the_provider_counts_when_it_says_so(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    for methods, is_strong in ((["pwd"], None), (["pwd", "mfa"], True)):
        vouches(rogue, person)
        rogue.claims["amr"] = methods
        assert await sign_in(trusting, rogue, person.browser) == f"{HOME}/"
        token = (await person.refresh()).json()["accessToken"]
        assert jwt.decode(token, options={"verify_signature": False}).get("mfa") is is_strong


async def test_who_has_confirmed_their_address_keeps_their_password(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    await trusting.change_account(person, email_verified_at=trusting.stand.clock.now)
    assert (await person.sign_in()).status_code == 200
    vouches(rogue, person)
    assert await sign_in(trusting, rogue) == f"{HOME}/"
    assert (await person.refresh()).status_code == 200
    assert (await person.sign_in()).status_code == 200
    (linked,) = await _links(trusting)
    assert linked.severity == "LOW"


# ------------------------------------------------------------------------------------- which organisation


async def test_the_named_organisation_is_entered_and_no_other(trusting: Place, rogue: RogueProvider):
    second, third = await trusting.open(), await trusting.open()
    person = await trusting.join(Role.SALES)
    await trusting.join(Role.FINANCE, at=second, email=person.email)
    vouches(rogue, person)
    ends = {}
    for slug in (second.slug.upper(), third.slug):
        browser = trusting.browser()
        answer = await finish(browser, rogue.sign_in(await start(browser, orgSlug=slug)))
        ends[slug.lower()] = answer.headers["location"]
    assert ends == {second.slug: f"{HOME}/", third.slug: NOT_ADMITTED}
    (started,) = await trusting.facts("session.started", org_id=second.org_id)
    assert started.message.user_id == str(person.id)


async def test_a_closed_organisation_is_told_to_those_who_belong_to_it(trusting: Place, rogue: RogueProvider):
    other = await trusting.open()
    person = await trusting.join(Role.SALES, at=other)
    await trusting.change_organisation(other, status="inactive")
    vouches(rogue, person)
    assert await sign_in(trusting, rogue) == f"{HOME}/login?error=ORGANISATION_INACTIVE"


async def test_from_the_host_of_an_organisation_the_way_leads_over_the_neutral_one(
    trusting: Place, rogue: RogueProvider
):
    host = {"host": f"{trusting.owner.slug}.execos.localhost"}
    browser = trusting.browser()
    answer = await browser.get("/auth/oidc/rogue/start?returnTo=/x", headers=host)
    assert answer.status_code == 302
    assert answer.headers["location"] == (
        f"{HOME}/api/v1/auth/oidc/rogue/start?orgSlug={trusting.owner.slug}&returnTo=%2Fx"
    )
    assert "set-cookie" not in answer.headers
    other = await browser.get("/auth/oidc/rogue/start?orgSlug=another", headers=host)
    assert other.status_code == 400
    nobody = await browser.get("/auth/oidc/rogue/start", headers={"host": "nobody.execos.localhost"})
    assert nobody.status_code == 404


# --------------------------------------------------------------------------------------- the answer's way


async def test_an_answer_is_good_once(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    callback = rogue.sign_in(await start(person.browser))
    assert (await finish(person.browser, callback)).headers["location"] == f"{HOME}/"
    assert (await finish(person.browser, callback)).headers["location"] == LOST
    assert rogue.asked.count("/token") == 1


async def test_an_answer_is_good_in_the_browser_that_began(trusting: Place, rogue: RogueProvider):
    """Login CSRF: a stranger's answer signs nobody in as the stranger."""
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    stranger, victim = trusting.browser(), trusting.browser()
    callback = rogue.sign_in(await start(stranger))
    assert (await finish(victim, callback)).headers["location"] == LOST
    await start(victim)
    assert (await finish(victim, callback)).headers["location"] == LOST
    assert (await finish(stranger, callback)).headers["location"] == f"{HOME}/"


async def test_an_answer_is_good_for_ten_minutes(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    callback = rogue.sign_in(await start(person.browser))
    trusting.stand.clock.advance(minutes=10)
    assert (await finish(person.browser, callback)).headers["location"] == LOST
    await trusting.stand.run_periodic("forget-sign-ins")
    async with trusting.reception.tx() as tx:
        assert (await tx.session.scalars(select(OidcState))).all() == []


async def test_an_answer_is_good_for_the_provider_that_was_asked(trusting: Place, rogue: RogueProvider):
    person = await trusting.join(Role.SALES)
    vouches(rogue, person)
    callback = rogue.sign_in(await start(person.browser)).replace("/rogue/", "/standard/")
    assert (await finish(person.browser, callback)).headers["location"] == LOST


@pytest.mark.parametrize("query", ["", "?code=code-0", "?state=nothing", "?code=code-0&state=nothing"])
async def test_an_answer_to_nothing_is_lost(trusting: Place, query: str):
    answer = await finish(trusting.browser(), f"{HOME}/api/v1/auth/oidc/rogue/callback{query}")
    assert answer.headers["location"] == LOST


async def test_the_cookie_of_the_browser_is_for_it_alone(trusting: Place):
    answer = await trusting.browser().get("/auth/oidc/rogue/start")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("execos_oidc=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/api/v1/auth", "Max-Age=600"):
        assert part in cookie


async def test_what_is_sent_to_the_provider_tells_no_secret(trusting: Place, rogue: RogueProvider):
    address = await start(trusting.browser())
    query = dict(parse_qsl(urlsplit(address).query))
    assert address.startswith(f"{rogue.url}/authorize?")
    assert query.keys() == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip
    assert query["redirect_uri"] == f"{HOME}/api/v1/auth/oidc/rogue/callback"
    async with trusting.reception.tx() as tx:
        rows = (await tx.session.scalars(select(OidcState))).all()
    assert query["state"].encode() not in {row.state_hash for row in rows}


async def test_a_person_who_thinks_better_of_it_is_not_signed_in(
    trusting: Place, standard: StandardProvider, rogue: RogueProvider
):
    browser = trusting.browser()
    state = dict(parse_qsl(urlsplit(await start(browser)).query))["state"]
    refused = f"{HOME}/api/v1/auth/oidc/rogue/callback?error=access_denied&error_description=no&state={state}"
    assert (await finish(browser, refused)).headers["location"] == REFUSED
    assert "/token" not in rogue.asked
    # This one leaves out `state`, so that nobody knows which sign-in it was.
    answer = await finish(browser, standard.refuse(await start(browser, "standard")))
    assert answer.headers["location"] == LOST


# ------------------------------------------------------------------------------------------------- the doors


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "evil",
        "",
        "/a b",
        "/a\r\nb",
        "/é",
        "/" * 600,
    ],
)
async def test_nobody_is_sent_to_another_host(trusting: Place, return_to: str):
    answer = await trusting.browser().get("/auth/oidc/rogue/start", params={"returnTo": return_to})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("door", ["start", "callback"])
async def test_a_provider_that_is_not_configured_is_not_there(trusting: Place, door: str):
    answer = await trusting.browser().get(f"/auth/oidc/nobody/{door}")
    assert answer.status_code == 404


async def test_the_providers_are_listed(trusting: Place):
    answer = await trusting.browser().get("/auth/oidc")
    assert answer.json()["items"][1] == {
        "name": "rogue",
        "label": "Rogue",
        "startUrl": f"{HOME}/api/v1/auth/oidc/rogue/start",
    }


async def test_people_see_and_unlink_their_own_identities(trusting: Place, rogue: RogueProvider):
    person, other = await trusting.act(Role.SALES), await trusting.act(Role.SALES)
    vouches(rogue, person)
    await sign_in(trusting, rogue)
    (found,) = (await person.browser.get("/auth/identities")).json()["items"]
    assert (found["provider"], found["email"]) == ("rogue", person.email)
    assert found.keys() == {
        "id", "version", "createdAt", "updatedAt", "provider", "email", "lastUsedAt",
    }  # fmt: skip
    assert (await other.browser.get("/auth/identities")).json() == {"items": []}
    assert (await other.browser.delete(f"/auth/identities/{found['id']}")).status_code == 404
    assert (await person.browser.delete(f"/auth/identities/{found['id']}")).status_code == 204
    assert (await person.browser.delete(f"/auth/identities/{found['id']}")).status_code == 404
    assert (await person.browser.get("/auth/identities")).json() == {"items": []}
    assert await trusting.stand.actions(found["id"]) == ["IDENTITY_LINKED", "IDENTITY_UNLINKED"]
