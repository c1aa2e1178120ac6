"""Tenants: what the platform does with them, and how it shows (retail-pos 2 to 4)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Place
from services.identity.tests.platform_owner import (
    NAME,
    TENANTS,
    PlatformPerson,
    make_tenant,
    platform_owner,
)
from sqlalchemy import select

from chassis.auth import system_actor
from chassis.rows import activity
from chassis.runtime import Platform
from identity.domain.organisations import MOVES, OrganisationState
from identity.domain.roles import Role
from identity.usecases.security_events import raise_event


@pytest.fixture(autouse=True)
def _with_root_domain(place: Place) -> None:
    object.__setattr__(place.stand.runtime, "platform", Platform(root_domain=ROOT_DOMAIN))


@pytest.fixture
async def owner(place: Place) -> PlatformPerson:
    """Somebody who owns the platform, signed in."""
    return await platform_owner(place)


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
    tenant = await make_tenant(place, owner)
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


async def test_security_events_of_all_tenants_are_listed_by_what_one_looks_for(
    place: Place, owner: PlatformPerson
) -> None:
    events, now = "/platform/security-events", place.stand.clock.now
    second = await place.open()
    for tenant, severity, kind in ((place.owner, "HIGH", "REFRESH_REUSE"), (second, "LOW", "NEW_DEVICE")):
        async with place.reception.source.tx(system_actor(tenant.org_id)) as tx:
            raise_event(tx, kind, severity, "Something.", user_id=tenant.id)
    for tenant, wanted, count in (
        (place.owner, {"severity": "HIGH"}, 1),
        (place.owner, {"severity": "LOW"}, 0),
        (place.owner, {"type": "REFRESH_REUSE"}, 1),
        (second, {"type": "REFRESH_REUSE"}, 0),
        (second, {"from": now.isoformat(), "to": now.date().isoformat()}, 1),
        (second, {"to": now.isoformat()}, 0),
        (second, {"from": (now.date() + timedelta(days=1)).isoformat()}, 0),
    ):
        answer = await owner.browser.get(events, params={"org": str(tenant.org_id)} | wanted)
        assert answer.status_code == 200, answer.text
        assert answer.json()["totalCount"] == count, wanted
    (shown,) = (await owner.browser.get(events, params={"org": str(second.org_id)})).json()["items"]
    assert (shown["orgSlug"], shown["userId"]) == (second.slug, str(second.id))
