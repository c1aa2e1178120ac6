"""Somebody who owns the platform, for the tests of its doors."""

from dataclasses import dataclass
from uuid import uuid4

from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.place import PASSWORD, Person, Place, password_hash

from identity.domain.accounts import Account
from identity.reception import NOBODY
from identity.store import accounts

PLATFORM_HOST = f"platform.{ROOT_DOMAIN}:8443"
NAME = "Petra Platform"


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
