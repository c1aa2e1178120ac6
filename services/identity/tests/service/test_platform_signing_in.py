"""Signing in to the platform: own host, own token, own people (design/security.md 4, retail-pos 26)."""

from dataclasses import replace
from typing import Any

import httpx2
import jwt
import pytest
from pydantic import SecretStr
from services.identity.tests.authenticator import enroll
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Place
from services.identity.tests.platform_owner import PLATFORM_HOST, PlatformPerson, platform_owner
from sqlalchemy import update

from chassis.runtime import Platform
from identity.domain.accounts import Account
from identity.domain.roles import Role
from identity.usecases.platform_owners import ensure_first_owner, restore_first_owner

LOGIN = "/platform/auth/login"
NEW = "a new horse battery staple"


@pytest.fixture(autouse=True)
def _with_root_domain(place: Place) -> None:
    object.__setattr__(place.stand.runtime, "platform", Platform(root_domain=ROOT_DOMAIN))


@pytest.fixture
async def owner(place: Place) -> PlatformPerson:
    """Somebody who owns the platform, signed in."""
    return await platform_owner(place)


async def _login(place: Place, host: str = PLATFORM_HOST, **body: Any) -> httpx2.Response:
    return await place.browser().post(LOGIN, json=body, headers={"host": host})


def _settings(place: Place, **values: Any) -> None:
    configured = place.reception.settings.model_copy(update=values)
    place.reception = replace(place.reception, settings=configured)
    place.stand.runtime.parts[type(place.reception)] = place.reception


async def test_owner_gets_a_token_for_an_hour_and_no_cookie(place: Place, owner: PlatformPerson) -> None:
    answer = await _login(place, email=owner.email.upper(), password=PASSWORD)
    assert (answer.status_code, answer.json()["expiresIn"]) == (200, 3600)
    assert "set-cookie" not in answer.headers
    claims = jwt.decode(answer.json()["accessToken"], options={"verify_signature": False})
    assert (claims["aud"], claims["scope"], claims["exp"] - claims["iat"]) == (
        "execos-platform",
        "platform",
        3600,
    )
    assert "email" not in claims
    assert (await owner.browser.get("/platform/tenants")).status_code == 200


async def test_doors_are_on_the_platforms_host_alone(place: Place, owner: PlatformPerson) -> None:
    for host in (
        f"{place.owner.slug}.{ROOT_DOMAIN}",
        "localhost",
        f"api.{ROOT_DOMAIN}",
        "platform",
        "x.test",
    ):
        refused = await owner.browser.get("/platform/tenants", headers={"host": host})
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "NOT_FOUND"), host
        assert (await _login(place, host, email=owner.email, password=PASSWORD)).status_code == 404, host
    forged = {"host": "localhost", "x-execos-tenant": "platform"}
    assert (await owner.browser.get("/platform/tenants", headers=forged)).status_code == 404


async def test_no_tenants_token_opens_the_platform_and_the_platforms_none_of_theirs(
    place: Place, owner: PlatformPerson
) -> None:
    await place.owner.sign_in()
    host = {"host": PLATFORM_HOST}
    for role in Role:
        person = await place.act(role)
        refused = await person.browser.get("/platform/tenants", headers=host)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHORIZED"), role
    assert (await place.owner.browser.get("/platform/tenants", headers=host)).status_code == 401
    token = {"authorization": owner.browser.headers["authorization"]}
    for where in (host, {"host": "localhost"}, {"host": f"{place.owner.slug}.{ROOT_DOMAIN}"}):
        for path in ("/auth/me", "/org", "/users"):
            assert (await place.browser().get(path, headers=where | token)).status_code in {401, 404}
    assert (await place.browser().get("/org", headers={"host": "localhost"} | token)).status_code == 401


async def test_token_with_every_permission_of_a_tenant_holds_no_platform(
    place: Place, owner: PlatformPerson
) -> None:
    claims = jwt.decode(owner.token, options={"verify_signature": False})
    for scope in ("*", "platform:*", ""):
        forged = await place.keyring.sign(claims | {"scope": scope}, place.stand.clock.now)
        refused = await owner.browser.get("/platform/tenants", headers={"authorization": f"Bearer {forged}"})
        assert refused.status_code == 401, scope


async def test_wrong_unknown_tenants_and_disabled_owners_are_answered_alike(
    place: Place, owner: PlatformPerson
) -> None:
    gone = await platform_owner(place)
    await place.change_account(gone, is_active=False)
    answers = [
        await _login(place, email=owner.email, password="wrong"),
        await _login(place, email="nobody@nowhere.example", password=PASSWORD),
        await _login(place, email=place.owner.email, password=PASSWORD),
        await _login(place, email=gone.email, password=PASSWORD),
        await _login(place, bootstrapToken="b" * 40),
    ]
    assert {answer.status_code for answer in answers} == {401}
    errors = [answer.json()["error"] | {"requestId": ""} for answer in answers]
    assert errors == [errors[0]] * len(errors)


async def test_wrong_passwords_spend_one_budget_whatever_the_door(
    place: Place, owner: PlatformPerson
) -> None:
    wrong = {"email": owner.email, "password": "wrong"}
    for path, host in ((LOGIN, PLATFORM_HOST), ("/auth/login", "localhost"), (LOGIN, PLATFORM_HOST)):
        for _ in range(2):
            await place.browser().post(path, json=wrong, headers={"host": host})
    assert (await _login(place, email=owner.email, password=PASSWORD)).status_code == 401
    place.stand.clock.advance(minutes=1)
    assert (await _login(place, email=owner.email, password=PASSWORD)).status_code == 200


async def test_account_is_looked_at_again_at_each_request(place: Place, owner: PlatformPerson) -> None:
    async def status() -> int:
        return (await owner.browser.get("/platform/tenants")).status_code

    assert await status() == 200
    await place.change_account(owner, is_active=False)
    assert await status() == 401
    await place.change_account(owner, is_active=True, is_platform_owner=False)
    assert await status() == 401
    await place.change_account(owner, is_platform_owner=True)
    assert await status() == 200
    await place.change_account(owner, password_hash="another")
    assert await status() == 401


async def _change(owner: PlatformPerson, present: str = PASSWORD, wanted: str = NEW) -> httpx2.Response:
    body = {"currentPassword": present, "newPassword": wanted}
    return await owner.browser.post("/platform/auth/change-password", json=body)


async def test_owner_who_belongs_nowhere_changes_their_password(place: Place, owner: PlatformPerson) -> None:
    answer = await _change(owner)
    assert (answer.status_code, answer.json()["expiresIn"]) == (200, 3600)
    assert (await owner.browser.get("/platform/tenants")).status_code == 401
    owner.take(answer)
    assert (await owner.browser.get("/platform/tenants")).status_code == 200
    logins = [await _login(place, email=owner.email, password=password) for password in (PASSWORD, NEW)]
    assert [login.status_code for login in logins] == [401, 200]


async def test_owners_new_password_ends_their_sessions_with_tenants(
    place: Place, owner: PlatformPerson
) -> None:
    member = await place.join(Role.SALES, email=owner.email)
    assert (await member.sign_in()).status_code == 200
    assert (await _change(owner)).status_code == 200
    assert (await member.refresh()).status_code == 401
    assert [fact.message.reason for fact in await place.facts("session.revoked")] == ["password_changed"]


async def test_owners_present_password_is_asked_for_and_costs_attempts(
    place: Place, owner: PlatformPerson
) -> None:
    for _ in range(5):
        answer = await _change(owner, "wrong password")
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "currentPassword")
    assert (await _change(owner)).status_code == 400
    assert (await _login(place, email=owner.email, password=PASSWORD)).status_code == 401
    place.stand.clock.advance(seconds=31)
    short = await _change(owner, wanted="short")
    assert short.json()["error"]["details"][0]["field"] == "newPassword"
    assert (await _change(owner)).status_code == 200


async def test_first_owner_is_made_once_and_of_nobody_who_is_there(place: Place) -> None:
    await _forget_owners(place)
    _settings(
        place,
        first_owner_email=place.owner.email,
        first_owner_password=SecretStr("a password of the settings"),
    )
    await ensure_first_owner(place.reception)
    for password in ("a password of the settings", PASSWORD):
        assert (await _login(place, email=place.owner.email, password=password)).status_code == 401
    email = f"first-{place.owner.slug}@platform.example"
    _settings(place, first_owner_email=email)
    await ensure_first_owner(place.reception)
    assert (await _login(place, email=email, password="a password of the settings")).status_code == 200
    other = f"second-{place.owner.slug}@platform.example"
    _settings(place, first_owner_email=other)
    await ensure_first_owner(place.reception)
    assert (await _login(place, email=other, password="a password of the settings")).status_code == 401


async def test_owner_who_forgot_the_password_gets_that_of_the_settings(
    place: Place, owner: PlatformPerson
) -> None:
    for email in (place.owner.email, "nobody@nowhere.example"):
        _settings(
            place, first_owner_email=email, first_owner_password=SecretStr("a password of the settings")
        )
        assert not await restore_first_owner(place.reception)
    assert (await place.owner.sign_in()).status_code == 200
    _settings(place, first_owner_email=owner.email)
    assert await restore_first_owner(place.reception)
    assert (await owner.browser.get("/platform/tenants")).status_code == 401  # a token from before
    assert (await _login(place, email=owner.email, password=PASSWORD)).status_code == 401
    answer = await _login(place, email=owner.email, password="a password of the settings")
    assert answer.status_code == 200


async def test_bootstrap_token_opens_the_doors_until_there_is_an_owner(place: Place) -> None:
    await _forget_owners(place)
    _settings(place, bootstrap_token=SecretStr("b" * 40))
    assert (await _login(place, bootstrapToken="b" * 39 + "c")).status_code == 401
    answer = await _login(place, bootstrapToken="b" * 40)
    assert answer.status_code == 200
    headers = {"host": PLATFORM_HOST, "authorization": f"Bearer {answer.json()['accessToken']}"}
    assert (await place.browser().get("/platform/tenants", headers=headers)).status_code == 200
    await platform_owner(place)
    assert (await place.browser().get("/platform/tenants", headers=headers)).status_code == 401
    assert (await _login(place, bootstrapToken="b" * 40)).status_code == 401


async def test_credentials_are_either_of_the_two(place: Place) -> None:
    for body in (
        {},
        {"email": "a@b.example"},
        {"password": "x"},
        {"email": "a@b.example", "password": "x", "bootstrapToken": "y"},
    ):
        assert (await _login(place, **body)).status_code == 400


async def _forget_owners(place: Place) -> None:
    """Other tests of this worker have left some."""
    async with place.reception.tx() as tx:
        await tx.session.execute(update(Account).values(is_platform_owner=False))


async def test_owner_with_an_app_gives_its_code_too_and_each_code_once(
    place: Place, owner: PlatformPerson
) -> None:
    member = await place.join(Role.VIEWER, email=owner.email)
    assert (await member.sign_in()).status_code == 200
    app = await enroll(place, member)
    right = {"email": owner.email, "password": PASSWORD}
    for _ in range(6):  # the first of two steps is no failure
        missing = await _login(place, **right)
        assert (missing.status_code, missing.json()["error"]["code"]) == (401, "SECOND_FACTOR_REQUIRED")
    assert (await _login(place, **right | {"password": "wrong"})).json()["error"]["code"] == "UNAUTHORIZED"
    assert (await _login(place, **right, totp=app.code())).status_code == 200
    for code in (app.code(), "000000"):
        refused = await _login(place, **right, totp=code)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert (await _login(place, bootstrapToken="b" * 40, totp=app.code())).status_code == 400
