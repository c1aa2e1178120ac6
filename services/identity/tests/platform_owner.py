"""Somebody who owns the platform, for the tests of its doors."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Person, Place, password_hash

from identity.domain.accounts import Account
from identity.reception import NOBODY
from identity.store import accounts

PLATFORM_HOST = f"platform.{ROOT_DOMAIN}:8443"
NAME = "Petra Platform"
TENANTS = "/platform/tenants"


@dataclass
class PlatformPerson(Person):
    """A platform owner and a browser that talks to the platform's host."""

    @property
    def token(self) -> str:
        """Their platform token."""
        return str(self.browser.headers["authorization"]).partition(" ")[2]


async def platform_owner(place: Place) -> PlatformPerson:
    """A new one, signed in."""
    email = f"platform-{uuid4().hex[:12]}@execos.example"
    async with place.reception.tx() as tx:
        account = Account.of(email, NAME, tx.now, password_hash=password_hash())
        account.is_platform_owner = True
        await accounts.find_or_add(tx.session, account)
    browser = place.browser()
    browser.headers["host"] = PLATFORM_HOST
    answer = await browser.post("/platform/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    browser.headers["authorization"] = f"Bearer {answer.json()['accessToken']}"
    return PlatformPerson(account.id, email, NOBODY, "", browser)


def tenant_request(**other: Any) -> dict[str, Any]:
    """A body that makes a new tenant."""
    slug = f"tenant-{uuid4().hex[:12]}"
    return {"name": "New Works", "slug": slug, "ownerEmail": f"Boss@{slug}.example", **other}


async def make_tenant(place: Place, owner: PlatformPerson, **other: Any) -> dict[str, Any]:
    """A tenant with every step done."""
    answer = await owner.browser.post(TENANTS, json=tenant_request(**other))
    assert answer.status_code == 201, answer.text
    await furnish(place, answer)
    return await show_tenant(owner, answer.json()["id"])


async def furnish(place: Place, answer: httpx2.Response) -> None:
    """Let the job of a tenant that was asked for run."""
    place.stand.org_id = UUID(answer.json()["id"])
    assert await place.stand.run_deferred() == ["provision"]


async def show_tenant(owner: PlatformPerson, tenant_id: str, what: str = "") -> dict[str, Any]:
    """What the platform sees of a tenant."""
    answer = await owner.browser.get(f"{TENANTS}/{tenant_id}{what}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
