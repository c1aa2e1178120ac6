"""Provisioning: how the platform makes a tenant, step by step, and nobody gets in before (retail-pos 3, 26)."""

import asyncio
from typing import Any
from uuid import UUID

import httpx2
import pytest
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Place
from services.identity.tests.platform_owner import (
    TENANTS,
    PlatformPerson,
    furnish,
    make_tenant,
    platform_owner,
    show_tenant,
    tenant_request,
)
from sqlalchemy import delete, select

from chassis.runtime import Platform
from identity.domain.accounts import Account
from identity.domain.domains import Domain
from identity.usecases import provisioning

STEPS = ["organisation", "template", "domain", "invitation"]


@pytest.fixture(autouse=True)
def _with_root_domain(place: Place) -> None:
    object.__setattr__(place.stand.runtime, "platform", Platform(root_domain=ROOT_DOMAIN))


@pytest.fixture
async def owner(place: Place) -> PlatformPerson:
    """Somebody who owns the platform, signed in."""
    return await platform_owner(place)


async def _steps(owner: PlatformPerson, tenant_id: str) -> list[str]:
    """The steps that are done."""
    shown = await show_tenant(owner, tenant_id, "/status")
    assert [step["name"] for step in shown["steps"]] == STEPS
    return [step["name"] for step in shown["steps"] if step["status"] == "done"]


async def test_tenant_comes_to_be_step_by_step_and_lets_nobody_in_before(
    place: Place, owner: PlatformPerson
) -> None:
    wanted = tenant_request(template="retail")
    made = await owner.browser.post(TENANTS, json=wanted)
    assert (made.status_code, made.json()["status"], made.json()["modules"]) == (201, "provisioning", [])
    tenant_id = made.json()["id"]
    assert (await owner.browser.get(made.headers["location"].removeprefix("/api/v1"))).status_code == 200
    assert await _steps(owner, tenant_id) == ["organisation"]
    host = {"host": f"{wanted['slug']}.{ROOT_DOMAIN}"}
    login = {"email": wanted["ownerEmail"], "password": PASSWORD}
    refused = await place.browser().post("/auth/login", json=login, headers=host)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")
    await furnish(place, made)
    shown = await show_tenant(owner, tenant_id)
    assert (shown["status"], shown["templates"], shown["host"]) == (
        "active",
        ["retail"],
        f"{wanted['slug']}.{ROOT_DOMAIN}",
    )
    assert "pos" in shown["modules"]
    assert await _steps(owner, tenant_id) == STEPS
    facts = [fact.type for fact in await place.stand.facts()]
    assert facts == [
        f"identity.{name}.v1"
        for name in (
            "organisation.created",
            "organisation.updated",
            "domain.added",
            "member.invited",
            "organisation.activated",
        )
    ]
    assert (await place.browser().post("/auth/login", json=login, headers=host)).status_code == 401


async def test_owner_of_a_new_tenant_gets_an_invitation_and_nobodys_password(
    place: Place, owner: PlatformPerson
) -> None:
    tenant = await make_tenant(place, owner)
    people = (await show_tenant(owner, tenant["id"], "/users"))["items"]
    assert [(each["email"], each["role"], each["status"]) for each in people] == [
        (tenant["ownerEmail"], "OWNER", "invited")
    ]
    async with place.reception.tx() as tx:
        stored = await tx.session.scalar(select(Account).where(Account.email == tenant["ownerEmail"]))
    assert stored is not None
    assert stored.password_hash is None
    assert not stored.is_platform_owner


async def test_same_request_again_is_the_same_tenant_and_another_one_is_refused(
    place: Place, owner: PlatformPerson
) -> None:
    wanted = tenant_request()
    first = await owner.browser.post(TENANTS, json=wanted)
    again = await owner.browser.post(TENANTS, json=wanted | {"ownerEmail": wanted["ownerEmail"].upper()})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    await furnish(place, first)
    await owner.browser.patch(f"{TENANTS}/{first.json()['id']}", json={"name": "Another name"})
    assert (await owner.browser.post(TENANTS, json=wanted)).status_code == 200
    others = ({"name": "Other"}, {"ownerEmail": "x@y.example"}, {"template": "marina"})
    for other in (*others, {"slug": place.owner.slug}):
        refused = await owner.browser.post(TENANTS, json=wanted | other)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "SLUG_TAKEN"), other


async def test_two_requests_at_once_make_one_tenant(place: Place, owner: PlatformPerson) -> None:
    await place.warm()
    wanted = tenant_request()
    answers = await asyncio.gather(*(owner.browser.post(TENANTS, json=wanted) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "slug",
    [
        *("public", "information_schema", "information-schema", "pg_toast", "pg-toast", "admin", "platform"),
        *("www", "xn--bcher-kva", "UPPER", "a.b", "-a", "a-", "x", "x" * 64),
    ],
)
async def test_slug_that_is_nobodys_to_have_is_refused(owner: PlatformPerson, slug: str) -> None:
    refused = await owner.browser.post(TENANTS, json=tenant_request(slug=slug))
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "slug")


async def test_unknown_template_is_refused(owner: PlatformPerson) -> None:
    refused = await owner.browser.post(TENANTS, json=tenant_request(template="circus"))
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "template")


async def _blocked(place: Place, owner: PlatformPerson) -> tuple[httpx2.Response, UUID]:
    """A tenant whose host another one has got meanwhile, and that domain."""
    made = await owner.browser.post(TENANTS, json=tenant_request())
    host = f"{made.json()['slug']}.{ROOT_DOMAIN}"
    domain = Domain.of(place.owner.org_id, host, place.stand.clock.now, is_primary=False)
    domain_id = domain.id
    async with place.reception.tx() as tx:
        tx.add(domain)
    await furnish(place, made)
    return made, domain_id


async def test_failed_step_is_told_and_retry_does_every_missing_one(
    place: Place, owner: PlatformPerson
) -> None:
    made, domain_id = await _blocked(place, owner)
    tenant_id = made.json()["id"]
    shown = await show_tenant(owner, tenant_id)
    assert (shown["status"], shown["lastError"]) == (
        "provisioning_failed",
        "HOST_TAKEN: This host is taken.",
    )
    assert await _steps(owner, tenant_id) == ["organisation", "template"]
    host = {"host": f"{made.json()['slug']}.{ROOT_DOMAIN}"}
    body = {"email": "boss@x.example", "password": PASSWORD}
    closed = await place.browser().post("/auth/login", json=body, headers=host)
    assert (closed.status_code, closed.headers["retry-after"]) == (503, "1")
    activated = await owner.browser.post(f"{TENANTS}/{tenant_id}/activate")
    assert (activated.status_code, activated.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")
    async with place.reception.tx() as tx:
        await tx.session.execute(delete(Domain).where(Domain.id == domain_id))
    again = await owner.browser.post(f"{TENANTS}/{tenant_id}/retry")
    assert (again.status_code, again.json()["status"], again.json()["lastError"]) == (
        200,
        "provisioning",
        None,
    )
    await furnish(place, again)
    assert (await show_tenant(owner, tenant_id))["status"] == "active"
    assert await _steps(owner, tenant_id) == STEPS
    assert (await owner.browser.post(f"{TENANTS}/{tenant_id}/retry")).status_code == 409


async def test_bug_in_a_step_is_told_without_its_details(
    place: Place, owner: PlatformPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("postgresql://identity_app:secret@db/identity")

    made = await owner.browser.post(TENANTS, json=tenant_request())
    monkeypatch.setattr(provisioning, "lead_here", broken)
    await furnish(place, made)
    shown = await show_tenant(owner, made.json()["id"])
    assert (shown["status"], shown["lastError"]) == ("provisioning_failed", "RuntimeError")


async def test_run_that_was_killed_is_gone_on_with(
    place: Place, owner: PlatformPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What no code of ours can catch."""

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    made = await owner.browser.post(TENANTS, json=tenant_request())
    place.stand.org_id = UUID(made.json()["id"])
    monkeypatch.setattr(provisioning, "invite_member", killed)
    with pytest.raises(Killed):
        await place.stand.run_deferred()
    monkeypatch.undo()
    assert await _steps(owner, made.json()["id"]) == ["organisation", "template", "domain"]
    await place.stand.run_periodic("resume-provisioning")
    assert (await show_tenant(owner, made.json()["id"]))["status"] == "provisioning"
    place.stand.clock.advance(minutes=3)
    await place.stand.run_periodic("resume-provisioning")
    assert (await show_tenant(owner, made.json()["id"]))["status"] == "active"
    assert len((await show_tenant(owner, made.json()["id"], "/domains"))["items"]) == 1
    assert len(await place.stand.facts("identity.member.invited.v1")) == 1
