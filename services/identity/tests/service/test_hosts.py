"""Hosts: an organisation's own host decides before any credential, and its token must fit (design/security.md 4)."""

import jwt
import pytest
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Place

from chassis.runtime import Platform
from identity.domain.roles import Role


@pytest.fixture(autouse=True)
def _with_root_domain(place: Place) -> None:
    object.__setattr__(place.stand.runtime, "platform", Platform(root_domain=ROOT_DOMAIN))


def _host(slug: str) -> dict[str, str]:
    return {"host": f"{slug}.{ROOT_DOMAIN}:8443"}


async def test_host_of_an_organisation_chooses_it(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    for slug in (second.slug, place.owner.slug):
        body = {"email": place.owner.email, "password": PASSWORD}
        answer = await place.browser().post("/auth/login", json=body, headers=_host(slug))
        claims = jwt.decode(answer.json()["accessToken"], options={"verify_signature": False})
        assert claims["org_slug"] == slug
        other = await place.browser().post(
            "/auth/login", json=body | {"orgSlug": second.slug}, headers=_host(slug)
        )
        assert other.status_code == (200 if slug == second.slug else 401)


async def test_unknown_host_is_not_found_on_public_doors_and_refused_elsewhere(place: Place) -> None:
    body = {"email": place.owner.email, "password": PASSWORD}
    await place.owner.sign_in()
    for slug in ("nobody", "platform", "a.b"):
        browser = place.browser()
        for answer in (
            await browser.post("/auth/login", json=body, headers=_host(slug)),
            await browser.post("/auth/login", json={}, headers=_host(slug)),
            await browser.post("/auth/refresh", headers=_host(slug)),
            await browser.post("/auth/logout", headers=_host(slug)),
            await browser.get("https://service.test/.well-known/jwks.json", headers=_host(slug)),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "UNKNOWN_HOST")
        for path in ("/auth/me", "/users", "/org"):
            refused = await place.owner.browser.get(path, headers=_host(slug))
            assert refused.status_code == (404 if slug == "platform" else 401)
    for host in ("localhost", "api.execos.localhost", "127.0.0.1:8443"):
        assert (await place.owner.browser.get("/auth/me", headers={"host": host})).status_code == 200


async def test_token_of_another_organisation_is_refused_on_a_tenant_host(place: Place) -> None:
    stranger = await place.open()
    await place.owner.sign_in()
    assert (await place.owner.browser.get("/org", headers=_host(place.owner.slug))).status_code == 200
    assert (await place.owner.browser.get("/org", headers=_host(place.owner.slug.upper()))).status_code == 200
    assert (await place.owner.browser.get("/org", headers=_host(stranger.slug))).status_code == 401
    assert (await place.owner.refresh(**_host(stranger.slug))).status_code == 401
    assert (await place.owner.refresh(**_host(place.owner.slug))).status_code == 200


async def test_closed_organisation_is_refused_before_credentials(place: Place) -> None:
    await place.change_organisation(place.owner, status="archived")
    answer = await place.browser().post(
        "/auth/login",
        json={"email": "nobody@nowhere.example", "password": "x"},
        headers=_host(place.owner.slug),
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")


async def test_page_on_the_organisations_own_host_may_use_the_cookie(place: Place) -> None:
    await place.owner.sign_in()
    name = f"{place.owner.slug}.{ROOT_DOMAIN}"
    for host in (name, f"{name}:8443"):  # the gateway takes the port off
        assert (await place.owner.refresh(host=host, origin=f"https://{name}:8443")).status_code == 200
        for origin in (f"https://other.{ROOT_DOMAIN}:8443", f"https://{name}", f"http://{name}:8443"):
            assert (await place.owner.refresh(host=host, origin=origin)).status_code == 403


async def test_nobody_switches_away_on_the_host_of_an_organisation(place: Place) -> None:
    second = await place.open()
    await place.join(Role.FINANCE, at=second, email=place.owner.email)
    await place.owner.sign_in(orgSlug=place.owner.slug)
    body, browser = {"orgId": str(second.org_id)}, place.owner.browser
    refused = await browser.post("/auth/switch-org", json=body, headers=_host(place.owner.slug))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert (await place.owner.refresh(**_host(place.owner.slug))).status_code == 200
    assert (await browser.post("/auth/switch-org", json=body)).status_code == 200
