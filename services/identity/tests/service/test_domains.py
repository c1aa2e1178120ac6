"""Domains: the hosts that lead to a tenant, and what they never are."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import jwt
import pytest
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Place
from services.identity.tests.platform_owner import PlatformPerson, platform_owner

from chassis.runtime import Platform


@pytest.fixture(autouse=True)
def _with_root_domain(place: Place) -> None:
    object.__setattr__(place.stand.runtime, "platform", Platform(root_domain=ROOT_DOMAIN))


@pytest.fixture
async def owner(place: Place) -> PlatformPerson:
    """Somebody who owns the platform, signed in."""
    return await platform_owner(place)


def _domains(place: Place) -> str:
    return f"/platform/tenants/{place.owner.org_id}/domains"


def _host() -> str:
    return f"crm.{uuid4().hex[:12]}.example"


async def _add(place: Place, owner: PlatformPerson, host: str, **more: Any) -> httpx2.Response:
    return await owner.browser.post(_domains(place), json={"host": host, **more})


async def _hosts(place: Place, owner: PlatformPerson) -> list[tuple[str, bool]]:
    answer = await owner.browser.get(_domains(place))
    return [(each["host"], each["isPrimary"]) for each in answer.json()["items"]]


async def test_host_leads_to_its_tenant_and_its_token_is_good_there(
    place: Place, owner: PlatformPerson
) -> None:
    host, second = _host(), await place.open()
    answer = await _add(place, owner, f" {host.upper()}. ")
    assert (answer.status_code, answer.json()["host"], answer.json()["isPrimary"]) == (201, host, True)
    body = {"email": place.owner.email, "password": PASSWORD}
    there = {"host": f"{host}:8443"}
    signed = await place.browser().post("/auth/login", json=body, headers=there)
    claims = jwt.decode(signed.json()["accessToken"], options={"verify_signature": False})
    assert claims["org_slug"] == place.owner.slug
    stranger = {"email": second.email, "password": PASSWORD}
    assert (await place.browser().post("/auth/login", json=stranger, headers=there)).status_code == 401
    await place.change_organisation(place.owner, status="inactive")
    closed = await place.browser().post("/auth/login", json=body, headers=there)
    assert (closed.status_code, closed.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")
    (fact,) = await place.facts("domain.added")
    assert (fact.message.domain.host, fact.message.domain.is_primary) == (host, True)


async def test_token_must_fit_the_slug_that_the_gateway_names(place: Place) -> None:
    second = await place.open()
    await place.owner.sign_in()
    for slug, status in ((place.owner.slug, 200), (second.slug, 401)):
        headers = {"host": _host(), "x-execos-tenant": slug}
        assert (await place.owner.browser.get("/org", headers=headers)).status_code == status


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "10.0.0.1", "a..b", "-a.example", "a b.example", "a.example/path", "a.example:8443"),
        *("ä.example", "*.a.example", "a" * 64 + ".example", ".".join(["a" * 60] * 5), ""),
        *(ROOT_DOMAIN, f"admin.{ROOT_DOMAIN}", f"platform.{ROOT_DOMAIN}", f"api.{ROOT_DOMAIN}"),
        *(f"pg-x.{ROOT_DOMAIN}", f"another.{ROOT_DOMAIN}", f"a.b.{ROOT_DOMAIN}"),
    ],
)
async def test_host_that_cannot_lead_to_a_tenant_is_refused(
    place: Place, owner: PlatformPerson, host: str
) -> None:
    refused = await _add(place, owner, host)
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "host")


async def test_own_host_may_be_added(place: Place, owner: PlatformPerson) -> None:
    assert (await _add(place, owner, f"{place.owner.slug}.{ROOT_DOMAIN}")).status_code == 201


async def test_host_leads_to_one_tenant_also_when_two_want_it_at_once(
    place: Place, owner: PlatformPerson
) -> None:
    await place.warm()
    host, second = _host(), await place.open()
    paths = [_domains(place), f"/platform/tenants/{second.org_id}/domains"]
    answers = await asyncio.gather(*(owner.browser.post(path, json={"host": host}) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "HOST_TAKEN"
    assert (await _add(place, owner, host)).status_code == 409


async def test_there_is_one_primary_and_its_removal_promotes_the_oldest(
    place: Place, owner: PlatformPerson
) -> None:
    added = []
    for number in range(3):
        place.stand.clock.advance(seconds=1)
        added.append((await _add(place, owner, _host(), isPrimary=number == 2)).json())
    first, second, third = (each["host"] for each in added)
    assert await _hosts(place, owner) == [(third, True), (first, False), (second, False)]
    chosen = await owner.browser.post(f"{_domains(place)}/{added[1]['id']}/make-primary")
    assert (chosen.status_code, chosen.json()["isPrimary"], chosen.json()["version"]) == (200, True, 2)
    assert await _hosts(place, owner) == [(second, True), (first, False), (third, False)]
    removed = await owner.browser.delete(f"{_domains(place)}/{added[1]['id']}")
    assert removed.status_code == 204
    assert await _hosts(place, owner) == [(first, True), (third, False)]
    await owner.browser.delete(f"{_domains(place)}/{added[2]['id']}")
    await owner.browser.delete(f"{_domains(place)}/{added[0]['id']}")
    assert await _hosts(place, owner) == []
    assert [fact.message.domain.host for fact in await place.facts("domain.removed")] == [
        *(second, third, first)
    ]
    shown = await owner.browser.get(f"/platform/tenants/{place.owner.org_id}")
    assert shown.json()["host"] is None


async def test_domain_of_another_tenant_is_not_found(place: Place, owner: PlatformPerson) -> None:
    second = await place.open()
    domain = (await _add(place, owner, _host())).json()
    path = f"/platform/tenants/{second.org_id}/domains/{domain['id']}"
    assert (await owner.browser.delete(path)).status_code == 404
    assert (await owner.browser.post(f"{path}/make-primary")).status_code == 404
