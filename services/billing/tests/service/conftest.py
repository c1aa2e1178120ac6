"""Billing, started, with its peers as fakes; every test has an organisation of its own."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text

from billing.copies import ORGANISATIONS
from billing.main import BILLING
from billing.store import invoices
from chassis.auth import system_actor
from chassis.testing.plugin import Start
from chassis.testing.stand import Stand
from clients.identity.client import IdentityClient
from clients.identity.copies import organisation_row
from clients.identity.fake import FakeIdentity
from clients.identity.types import Policies
from clients.sales.client import SalesClient
from clients.sales.fake import FakeSales
from clients.sales.types import Company

HAMBURG = {
    "line1": "Hafen 1",
    "line2": None,
    "postal_code": "20457",
    "city": "Hamburg",
    "region": None,
    "country": "DE",
}
BERLIN = HAMBURG | {"line1": "Weg 2", "postal_code": "10115", "city": "Berlin"}
LEGAL = {
    "legal_name": "Test Works GmbH",
    "address": HAMBURG,
    "vat_id": "DE123456789",
    "iban": "DE02120300000000202051",
    "bic": "BYLADEM1001",
    "email": "invoices@works.example",
    "payment_terms_days": 30,
    "invoice_note": "Thank you.",
}


@dataclass
class Office:
    """A started billing and what its tests do again and again."""

    stand: Stand
    identity: FakeIdentity
    sales: FakeSales
    company: Company
    http: httpx2.AsyncClient

    @property
    def org_id(self) -> UUID:
        """The organisation of this test."""
        return self.stand.org_id

    async def policies(self, **policies: Any) -> None:
        """Other policies, told by identity."""
        await self.organisation(policies=Policies(**policies))

    async def organisation(self, **values: Any) -> None:
        """The organisation with other values, told by identity."""
        known = self.identity.add_organisation(self.org_id, **values)
        async with self.stand.runtime.source.tx(system_actor(self.org_id)) as tx:
            await ORGANISATIONS.keep(tx.session, [organisation_row(known)], tx.now)

    async def draft(self, **body: Any) -> dict[str, Any]:
        """A draft of 100.00 EUR, due in 14 days, or as the body says."""
        plain = {"companyId": str(self.company.id), "dueDate": "2199-12-31", "currency": "EUR"}
        if "lines" not in body:
            plain["amount"] = "100.00"
        answer = await self.http.post("/api/v1/invoices", json=plain | body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def sent(self, **body: Any) -> dict[str, Any]:
        """The same, sent."""
        draft = await self.draft(**body)
        return await self.act(draft, "send")

    async def act(self, invoice: dict[str, Any], verb: str, body: Any = None, status: int = 200) -> Any:
        """Do something to an invoice; the answer's body, or the error's."""
        answer = await self.http.post(f"/api/v1/invoices/{invoice['id']}/{verb}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if status < 300 else answer.json()["error"]

    async def change(self, invoice: dict[str, Any], status: int = 200, **body: Any) -> Any:
        """Change an invoice; the answer's body, or the error's."""
        answer = await self.http.patch(f"/api/v1/invoices/{invoice['id']}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if status < 300 else answer.json()["error"]

    async def pay(
        self, invoice: dict[str, Any], amount: str, key: str, status: int = 201, **body: Any
    ) -> Any:
        """Record a payment; the answer's body, or the error's."""
        answer = await self.http.post(
            f"/api/v1/invoices/{invoice['id']}/payments",
            json={"amount": amount, "method": "bank_transfer"} | body,
            headers={"idempotency-key": key},
        )
        assert answer.status_code == status, answer.text
        return answer.json() if status < 300 else answer.json()["error"]

    async def read(self, invoice: dict[str, Any]) -> dict[str, Any]:
        """An invoice as it is now."""
        answer = await self.http.get(f"/api/v1/invoices/{invoice['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def at_once(self, invoice: dict[str, Any], *requests: Coroutine[Any, Any, Any]) -> list[Any]:
        """Let requests reach the invoice's row while it is held by another transaction, then let go of it."""
        async with self.stand.runtime.source.tx(system_actor(self.org_id)) as tx:
            await invoices.get(tx.session, self.org_id, UUID(invoice["id"]))
            started = [asyncio.create_task(request) for request in requests]
            await self.until_waiting(len(requests))
        return await asyncio.gather(*started)

    async def until_waiting(self, count: int) -> None:
        """Return when that many transactions wait for a lock."""
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        async with asyncio.timeout(1.5), self.stand.runtime.system.session(None) as session:
            while await session.scalar(waiting) < count:  # noqa: ASYNC110 - PostgreSQL has no event for this
                await asyncio.sleep(0.01)

    async def told(self) -> list[str]:
        """The facts of this organisation, oldest first, without the context and the version."""
        return [fact.type.removeprefix("billing.").removesuffix(".v1") for fact in await self.stand.facts()]


@pytest.fixture
async def office(start: Start) -> AsyncIterator[Office]:
    """Billing in a German organisation with one company."""
    identity, sales = FakeIdentity(), FakeSales()
    stand = await start(BILLING, {IdentityClient: identity, SalesClient: sales})
    identity.add_organisation(stand.org_id, time_zone="Europe/Berlin", legal=LEGAL, locale="de")
    company = sales.add_company(
        stand.org_id,
        name="Buyer",
        legal_name="Buyer AG",
        email="buyer@customer.example",
        address=BERLIN,
    )
    async with stand.client() as http:
        yield Office(stand, identity, sales, company, http)
