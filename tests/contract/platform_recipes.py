"""Requests of the platform's owner, on organisations that are nobody else's in these tests."""

from uuid import uuid4

from services.identity.tests.place import PASSWORD
from services.identity.tests.platform_owner import PLATFORM_HOST, platform_owner
from tests.contract.calls import Call, Recipe, at
from tests.contract.organisations import API, Json, Organisation


async def tenant(org: Organisation) -> Json:
    """An organisation that the platform looks after, which is nobody's in these tests."""
    made = await org.platform.place.open()
    return {"id": str(made.org_id), "slug": made.slug, "owner": str(made.id)}


async def _platform_sign_in(org: Organisation) -> Call:
    await org.platform.administrator()
    assert org.platform.owner is not None
    body = {"email": org.platform.owner.email, "password": PASSWORD}
    return Call("/platform/auth/login", body, {"host": PLATFORM_HOST})


async def _another_password(org: Organisation) -> Call:
    """Of an owner of its own, because older tokens end with the password."""
    owner = await platform_owner(org.platform.place)
    body = {"currentPassword": PASSWORD, "newPassword": f"{PASSWORD} of the platform"}
    return Call("/platform/auth/change-password", body, {"authorization": f"Bearer {owner.token}"})


async def _new_tenant(org: Organisation) -> Call:
    slug = f"tenant-{uuid4().hex}"
    body = {"name": org.name("Tenant"), "slug": slug, "ownerEmail": f"boss@{slug}.example"}
    return Call("/platform/tenants", body)


def _tenant_then(path: str, body: Json | None = None, *before: str) -> Recipe:
    """A request of the platform's about a tenant of its own, after these actions."""

    async def call(org: Organisation) -> Call:
        found, client = await tenant(org), await org.platform.administrator()
        for action in before:
            answer = await client.post(f"{API}/platform/tenants/{found['id']}/{action}")
            assert answer.status_code == 200, answer.text
        return Call(f"/platform/tenants/{found['id']}{path.format(**found)}", body)

    return call


async def _failed_tenant(org: Organisation) -> Call:
    made = await org.platform.place.open(status="provisioning_failed")
    return Call(f"/platform/tenants/{made.org_id}/retry")


def _domain_then(path: str) -> Recipe:
    """A request of the platform's about a domain."""

    async def call(org: Organisation) -> Call:
        found, client = await tenant(org), await org.platform.administrator()
        domains = f"/platform/tenants/{found['id']}/domains"
        added = [
            await client.post(API + domains, json={"host": f"{uuid4().hex}.example"})
            for _ in ("the primary one", "another one")
        ]
        assert [answer.status_code for answer in added] == [201, 201]
        return Call(f"{domains}/{added[1].json()['id']}{path}")

    return call


def _invitation_then(path: str) -> Recipe:
    """A request of the platform's about an invitation."""

    async def call(org: Organisation) -> Call:
        found, client = await tenant(org), await org.platform.administrator()
        invitations = f"/platform/tenants/{found['id']}/invitations"
        body = {"email": f"{uuid4().hex}@guest.example", "role": "OWNER"}
        answer = await client.post(API + invitations, json=body)
        assert answer.status_code == 201, answer.text
        return Call(f"{invitations}/{answer.json()['id']}{path}")

    return call


async def _new_domain(org: Organisation) -> Call:
    found = await tenant(org)
    return Call(f"/platform/tenants/{found['id']}/domains", {"host": f"{uuid4().hex}.example"})


def _person_then(action: str, *before: str) -> Recipe:
    """A request of the platform's about a person."""

    async def call(org: Organisation) -> Call:
        found, client = await tenant(org), await org.platform.administrator()
        person = f"/platform/tenants/{found['id']}/users/{found['owner']}"
        for earlier in before:
            assert (await client.post(f"{API}{person}/{earlier}")).status_code == 200
        return Call(f"{person}/{action}")

    return call


PLATFORM_RECIPES: dict[str, Recipe] = {
    "platform.login": _platform_sign_in,
    "platform.changePassword": _another_password,
    "platform.listModules": at("/platform/modules"),
    "platform.listTemplates": at("/platform/templates"),
    "platform.listSecurityEvents": at("/platform/security-events"),
    "tenants.search": at("/platform/tenants"),
    "tenants.create": _new_tenant,
    "tenants.read": _tenant_then(""),
    "tenants.readStatus": _tenant_then("/status"),
    "tenants.change": _tenant_then("", {"name": "Renamed"}),
    "tenants.delete": _tenant_then("?confirm={slug}"),
    "tenants.activate": _tenant_then("/activate", None, "deactivate"),
    "tenants.deactivate": _tenant_then("/deactivate"),
    "tenants.archive": _tenant_then("/archive"),
    "tenants.retry": _failed_tenant,
    "tenants.applyTemplate": _tenant_then("/apply-template", {"template": "retail"}),
    "tenants.switchModule": _tenant_then("/modules/pos", {"enabled": True}),
    "tenants.searchUsers": _tenant_then("/users"),
    "tenants.disable": _person_then("disable"),
    "tenants.enable": _person_then("enable", "disable"),
    "tenantInvitations.search": _tenant_then("/invitations"),
    "tenantInvitations.create": _tenant_then("/invitations", {"email": "new@guest.example", "role": "OWNER"}),
    "tenantInvitations.resend": _invitation_then("/resend"),
    "tenantInvitations.revoke": _invitation_then(""),
    "tenantDomains.list": _tenant_then("/domains"),
    "tenantDomains.add": _new_domain,
    "tenantDomains.remove": _domain_then(""),
    "tenantDomains.prefer": _domain_then("/make-primary"),
}
