"""Tenants: how the platform makes them, step by step, and what it does with them (retail-pos 2 to 4, 26)."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Place
from services.identity.tests.platform_owner import NAME, PlatformPerson, platform_owner
from sqlalchemy import delete, select

from chassis.rows import activity
from chassis.runtime import Platform
from identity.domain.accounts import Account
from identity.domain.domains import Domain
from identity.domain.organisations import MOVES, OrganisationState
from identity.domain.roles import Role
from identity.usecases import provisioning

TENANTS = "/platform/tenants"
STEPS = ["organisation", "template", "domain", "invitation"]


@pytest.fixture(autouse=True)
def _with_root_domain(place: Place) -> None:
    object.__setattr__(place.stand.runtime, "platform", Platform(root_domain=ROOT_DOMAIN))


@pytest.fixture
async def owner(place: Place) -> PlatformPerson:
    """Somebody who owns the platform, signed in."""
    return await platform_owner(place)


def _request(**other: Any) -> dict[str, Any]:
    slug = f"tenant-{uuid4().hex[:12]}"
    return {"name": "New Works", "slug": slug, "ownerEmail": f"Boss@{slug}.example", **other}


async def _made(place: Place, owner: PlatformPerson, **other: Any) -> dict[str, Any]:
    """A tenant with every step done."""
    answer = await owner.browser.post(TENANTS, json=_request(**other))
    assert answer.status_code == 201, answer.text
    await _furnish(place, answer)
    return await _read(owner, answer.json()["id"])


async def _furnish(place: Place, answer: httpx2.Response) -> None:
    place.stand.org_id = UUID(answer.json()["id"])
    assert await place.stand.run_deferred() == ["provision"]


async def _read(owner: PlatformPerson, tenant_id: str, what: str = "") -> dict[str, Any]:
    answer = await owner.browser.get(f"{TENANTS}/{tenant_id}{what}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _steps(owner: PlatformPerson, tenant_id: str) -> list[str]:
    """The steps that are done."""
    shown = await _read(owner, tenant_id, "/status")
    assert [step["name"] for step in shown["steps"]] == STEPS
    return [step["name"] for step in shown["steps"] if step["status"] == "done"]


async def test_tenant_comes_to_be_step_by_step_and_lets_nobody_in_before(
    place: Place, owner: PlatformPerson
) -> None:
    wanted = _request(template="retail")
    made = await owner.browser.post(TENANTS, json=wanted)
    assert (made.status_code, made.json()["status"], made.json()["modules"]) == (201, "provisioning", [])
    tenant_id = made.json()["id"]
    assert (await owner.browser.get(made.headers["location"].removeprefix("/api/v1"))).status_code == 200
    assert await _steps(owner, tenant_id) == ["organisation"]
    host = {"host": f"{wanted['slug']}.{ROOT_DOMAIN}"}
    login = {"email": wanted["ownerEmail"], "password": PASSWORD}
    refused = await place.browser().post("/auth/login", json=login, headers=host)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")
    await _furnish(place, made)
    shown = await _read(owner, tenant_id)
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
    tenant = await _made(place, owner)
    people = (await _read(owner, tenant["id"], "/users"))["items"]
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
    wanted = _request()
    first = await owner.browser.post(TENANTS, json=wanted)
    again = await owner.browser.post(TENANTS, json=wanted | {"ownerEmail": wanted["ownerEmail"].upper()})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    await _furnish(place, first)
    await owner.browser.patch(f"{TENANTS}/{first.json()['id']}", json={"name": "Another name"})
    assert (await owner.browser.post(TENANTS, json=wanted)).status_code == 200
    others = ({"name": "Other"}, {"ownerEmail": "x@y.example"}, {"template": "marina"})
    for other in (*others, {"slug": place.owner.slug}):
        refused = await owner.browser.post(TENANTS, json=wanted | other)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "SLUG_TAKEN"), other


async def test_two_requests_at_once_make_one_tenant(place: Place, owner: PlatformPerson) -> None:
    await place.warm()
    wanted = _request()
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
    refused = await owner.browser.post(TENANTS, json=_request(slug=slug))
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "slug")


async def test_unknown_template_is_refused(owner: PlatformPerson) -> None:
    refused = await owner.browser.post(TENANTS, json=_request(template="circus"))
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "template")


async def _blocked(place: Place, owner: PlatformPerson) -> tuple[httpx2.Response, UUID]:
    """A tenant whose host another one has got meanwhile, and that domain."""
    made = await owner.browser.post(TENANTS, json=_request())
    host = f"{made.json()['slug']}.{ROOT_DOMAIN}"
    domain = Domain.of(place.owner.org_id, host, place.stand.clock.now, is_primary=False)
    domain_id = domain.id
    async with place.reception.tx() as tx:
        tx.add(domain)
    await _furnish(place, made)
    return made, domain_id


async def test_failed_step_is_told_and_retry_does_every_missing_one(
    place: Place, owner: PlatformPerson
) -> None:
    made, domain_id = await _blocked(place, owner)
    tenant_id = made.json()["id"]
    shown = await _read(owner, tenant_id)
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
    await _furnish(place, again)
    assert (await _read(owner, tenant_id))["status"] == "active"
    assert await _steps(owner, tenant_id) == STEPS
    assert (await owner.browser.post(f"{TENANTS}/{tenant_id}/retry")).status_code == 409


async def test_bug_in_a_step_is_told_without_its_details(
    place: Place, owner: PlatformPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("postgresql://identity_app:secret@db/identity")

    made = await owner.browser.post(TENANTS, json=_request())
    monkeypatch.setattr(provisioning, "lead_here", broken)
    await _furnish(place, made)
    shown = await _read(owner, made.json()["id"])
    assert (shown["status"], shown["lastError"]) == ("provisioning_failed", "RuntimeError")


async def test_run_that_was_killed_is_gone_on_with(
    place: Place, owner: PlatformPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What no code of ours can catch."""

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    made = await owner.browser.post(TENANTS, json=_request())
    place.stand.org_id = UUID(made.json()["id"])
    monkeypatch.setattr(provisioning, "invite_member", killed)
    with pytest.raises(Killed):
        await place.stand.run_deferred()
    monkeypatch.undo()
    assert await _steps(owner, made.json()["id"]) == ["organisation", "template", "domain"]
    await place.stand.run_periodic("resume-provisioning")
    assert (await _read(owner, made.json()["id"]))["status"] == "provisioning"
    place.stand.clock.advance(minutes=3)
    await place.stand.run_periodic("resume-provisioning")
    assert (await _read(owner, made.json()["id"]))["status"] == "active"
    assert len((await _read(owner, made.json()["id"], "/domains"))["items"]) == 1
    assert len(await place.stand.facts("identity.member.invited.v1")) == 1


# ------------------------------------------------------------------------------------------------------ its life


async def test_deactivated_and_archived_tenants_let_nobody_in_until_they_are_activated(
    place: Place, owner: PlatformPerson
) -> None:
    tenant = f"{TENANTS}/{place.owner.org_id}"
    host = {"host": f"{place.owner.slug}.{ROOT_DOMAIN}"}
    await place.owner.sign_in()
    for action, status in (("deactivate", "inactive"), ("archive", "archived")):
        answer = await owner.browser.post(f"{tenant}/{action}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        for headers in ({}, host):
            refused = await place.browser().post(
                "/auth/login", json={"email": place.owner.email, "password": PASSWORD}, headers=headers
            )
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ORGANISATION_INACTIVE")
        assert (await place.owner.refresh()).status_code == 403
        assert (await owner.browser.post(f"{tenant}/activate")).json()["status"] == "active"
        assert (await place.owner.sign_in()).status_code == 200
    types = ("organisation.deactivated", "organisation.archived", "organisation.activated")
    assert [len(await place.facts(each)) for each in types] == [1, 1, 2]


async def test_what_the_platform_does_shows_in_the_tenants_history_without_an_address(
    place: Place, owner: PlatformPerson
) -> None:
    await owner.browser.post(f"{TENANTS}/{place.owner.org_id}/deactivate")
    async with place.reception.tx() as tx:
        entry = (
            await tx.session.execute(
                select(activity.c.action, activity.c.actor, activity.c.after).where(
                    activity.c.org_id == place.owner.org_id, activity.c.action == "ORG_DEACTIVATE"
                )
            )
        ).one()
    assert entry.actor == {"id": str(owner.id), "name": NAME, "email": None, "kind": "user"}
    assert entry.after == {"status": "inactive"}
    (fact,) = await place.facts("organisation.deactivated")
    assert (fact.message.organisation.status, fact.version) == ("inactive", 2)


@pytest.mark.parametrize("state", list(OrganisationState))
async def test_state_moves_along_the_table_alone(
    place: Place, owner: PlatformPerson, state: OrganisationState
) -> None:
    to = {
        "activate": OrganisationState.ACTIVE,
        "deactivate": OrganisationState.INACTIVE,
        "archive": OrganisationState.ARCHIVED,
        "retry": OrganisationState.PROVISIONING,
    }
    for action, wanted in to.items():
        await place.change_organisation(place.owner, status=state.value)
        answer = await owner.browser.post(f"{TENANTS}/{place.owner.org_id}/{action}")
        is_repeat = wanted is state is OrganisationState.ARCHIVED
        assert (answer.status_code == 200) == (wanted in MOVES[state] or is_repeat), (state, action)
        if answer.status_code != 200:
            assert answer.json()["error"]["code"] == "ILLEGAL_TRANSITION"


async def test_list_shows_every_tenant_by_state_and_text(place: Place, owner: PlatformPerson) -> None:
    tenant = await _made(place, owner)
    found = (await owner.browser.get(TENANTS, params={"q": tenant["slug"].upper()})).json()
    assert [each["id"] for each in found["items"]] == [tenant["id"]]
    await owner.browser.post(f"{TENANTS}/{tenant['id']}/archive")
    for status, count in (("archived", 1), ("active", 0)):
        answer = await owner.browser.get(TENANTS, params={"q": tenant["slug"], "status": status})
        assert answer.json()["totalCount"] == count
    assert (await owner.browser.get(TENANTS, params={"status": "gone"})).status_code == 400
    for what in ("", "/status", "/domains", "/users"):
        assert (await owner.browser.get(f"{TENANTS}/{uuid4()}{what}")).status_code == 404


async def test_template_applied_twice_is_as_applied_once_and_switches_nothing_off(
    place: Place, owner: PlatformPerson
) -> None:
    tenant = f"{TENANTS}/{place.owner.org_id}"
    off = await owner.browser.patch(f"{tenant}/modules/pos", json={"enabled": False})
    assert "pos" not in off.json()["modules"]
    extra = await owner.browser.patch(f"{tenant}/modules/automation", json={"enabled": True})
    assert "automation" in extra.json()["modules"]
    once = (await owner.browser.post(f"{tenant}/apply-template", json={"template": "retail"})).json()
    twice = (await owner.browser.post(f"{tenant}/apply-template", json={"template": "retail"})).json()
    assert once == twice
    assert {"pos", "automation", "sales"} <= set(once["modules"])
    assert once["templates"] == ["services", "retail"]
    assert (await owner.browser.patch(f"{tenant}/modules/circus", json={"enabled": True})).status_code == 404
    types = [fact.message.code for fact in await place.facts("module.enabled")]
    assert types == ["automation"]


# ------------------------------------------------------------------------------------------------------- people


async def test_disabled_person_is_out_everywhere_at_once_until_enabled(
    place: Place, owner: PlatformPerson
) -> None:
    second = await place.open()
    member = await place.join(Role.SALES)
    await place.join(Role.FINANCE, at=second, email=member.email)
    assert (await member.sign_in(orgSlug=second.slug)).status_code == 200
    users = f"{TENANTS}/{place.owner.org_id}/users"
    answer = await owner.browser.post(f"{users}/{member.id}/disable")
    assert (answer.status_code, answer.json()["isActive"], answer.json()["status"]) == (200, False, "active")
    for org_id in (place.owner.org_id, second.org_id):
        assert len(await place.facts("user.deactivated", org_id=org_id)) == 1
    assert len(await place.facts("session.revoked", org_id=second.org_id)) == 1
    assert (await member.refresh()).status_code == 401
    assert (await member.sign_in()).status_code == 401
    again = await owner.browser.post(f"{users}/{member.id}/enable")
    assert (again.status_code, again.json()["isActive"]) == (200, True)
    place.stand.clock.advance(minutes=1)
    assert (await member.sign_in()).status_code == 200
    assert (await owner.browser.post(f"{users}/{second.id}/disable")).status_code == 404


async def test_platform_owner_does_not_disable_themselves(place: Place, owner: PlatformPerson) -> None:
    await place.join(Role.OWNER, email=owner.email)
    refused = await owner.browser.post(f"{TENANTS}/{place.owner.org_id}/users/{owner.id}/disable")
    assert refused.status_code == 400


async def test_platform_invites_by_mail_alone_and_takes_back(place: Place, owner: PlatformPerson) -> None:
    invitations = f"{TENANTS}/{place.owner.org_id}/invitations"
    body = {"email": "second-boss@works.example", "role": "owner"}
    made = await owner.browser.post(invitations, json=body)
    assert (made.status_code, made.json()["role"], made.json()["invitedByUserId"]) == (
        201,
        "OWNER",
        str(owner.id),
    )
    assert "token" not in made.text
    again = await owner.browser.post(f"{invitations}/{made.json()['id']}/resend")
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert len(await place.facts("member.invited")) == 2
    assert (await owner.browser.delete(f"{invitations}/{made.json()['id']}")).status_code == 204
    shown = (await owner.browser.get(invitations)).json()["items"]
    assert [(each["email"], each["status"]) for each in shown] == [(body["email"], "revoked")]
    second = await place.open()
    path = f"{TENANTS}/{second.org_id}/invitations/{made.json()['id']}"
    assert (await owner.browser.post(f"{path}/resend")).status_code == 404
