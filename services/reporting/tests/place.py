"""One organisation as reporting hears of it: facts about it in, reports out."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from google.protobuf.message import Message
from sqlalchemy import select, text

from chassis.ids import new_id
from chassis.testing.stand import Stand
from clients.identity.fake import FakeIdentity
from clients.jobs.fake import FakeJobs
from execos.billing.v1 import events_pb2 as billing
from execos.billing.v1.snapshots_pb2 import InvoiceSnapshot
from execos.identity.v1 import events_pb2 as identity
from execos.identity.v1.snapshots_pb2 import MemberSnapshot, OrganisationSnapshot, Policies
from execos.platform.v1.activity_pb2 import ActivityRecorded, Actor
from execos.platform.v1.values_pb2 import Money, Reference
from execos.sales.v1 import events_pb2 as sales
from execos.sales.v1.snapshots_pb2 import DealSnapshot
from execos.work.v1 import events_pb2 as work
from execos.work.v1.snapshots_pb2 import ItemSnapshot
from reporting.domain.models import MODELS

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
AUDIT_KEY = "a key of the tests that nobody else has"

Json = dict[str, Any]


@dataclass
class Place:
    """The service, the jobs of its peers, and a client that may do everything."""

    stand: Stand
    peers: dict[str, FakeJobs]
    api: httpx2.AsyncClient
    identity: FakeIdentity
    company: Reference = field(default_factory=lambda: Reference(id=str(new_id()), name="Kunde & Co"))

    @property
    def org_id(self) -> UUID:
        """The organisation of this test."""
        return self.stand.org_id

    @property
    def today(self) -> date:
        """The organisation's day; it lives in UTC unless a test says otherwise."""
        return self.stand.clock.now.date()

    def day(self, offset: int) -> str:
        """Today plus that many days."""
        return (self.today + timedelta(days=offset)).isoformat()

    async def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """What a door answers."""
        answer = await self.api.get(f"/api/v1{path}", params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, path: str, body: Json | None = None, status: int = 200, **headers: str) -> Any:
        """What a door answers to a command."""
        answer = await self.api.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def organisation(self, version: int = 1, **values: Any) -> None:
        """The organisation and its policies, as identity tells them."""
        policies = Policies(
            overdue_after_days=values.pop("overdue_after_days", 0),
            stale_deal_after_days=values.pop("stale_deal_after_days", 7),
            audit_retention_days=values.pop("audit_retention_days", 180),
        )
        known: Json = {
            "name": "Test Works",
            "status": "active",
            "time_zone": "UTC",
            "currency": "EUR",
            "modules": ["reporting"],
            "features": ["audit-export"],
        } | values
        told = OrganisationSnapshot(id=str(self.org_id), version=version, policies=policies, **known)
        await self.tell(identity.OrganisationUpdated(organisation=told), self.org_id, version)

    def elsewhere(self) -> UUID:
        """Another organisation, which only identity knows so far."""
        return self.identity.add_organisation(new_id()).id

    async def member(self, name: str = "Olga Owner", **values: Any) -> UUID:
        """A person of the organisation."""
        user_id = new_id()
        known: Json = {"version": 1, "email": "olga@test.example", "role": "OPS", "status": "active"} | values
        told = MemberSnapshot(user_id=str(user_id), name=name, **known)
        await self.tell(identity.MemberJoined(member=told), user_id, told.version)
        return user_id

    async def item(self, **values: Any) -> UUID:
        """A work item that is in order: open, with an owner, due tomorrow; and these values."""
        told = self.item_snapshot(**values)
        await self.tell(work.ItemUpdated(item=told), told.id, told.version)
        return UUID(told.id)

    def item_snapshot(self, **values: Any) -> ItemSnapshot:
        """The same as a message."""
        known: Json = {
            "id": str(new_id()),
            "version": 1,
            "title": "Paint the fence",
            "kind": "general",
            "status": "TODO",
            "priority": 2,
            "due_date": self.day(1),
            "assigned_to_user_id": str(self.stand.user_id),
            "created_at": self.stand.clock.now,
            "updated_at": self.stand.clock.now,
        } | values
        return ItemSnapshot(**{name: value for name, value in known.items() if value is not None})

    async def deal(self, **values: Any) -> UUID:
        """An open deal that is in order: with an owner and something that just happened; and these values."""
        told = self.deal_snapshot(**values)
        await self.tell(sales.DealUpdated(deal=told), told.id, told.version)
        return UUID(told.id)

    def deal_snapshot(self, **values: Any) -> DealSnapshot:
        """The same as a message."""
        known: Json = {
            "id": str(new_id()),
            "version": 1,
            "title": "A fence",
            "stage": "OPEN",
            "company": self.company,
            "owner_user_id": str(self.stand.user_id),
            "last_activity_at": self.stand.clock.now,
            "created_at": self.stand.clock.now,
            "updated_at": self.stand.clock.now,
        } | values
        return DealSnapshot(**{name: value for name, value in known.items() if value is not None})

    async def invoice(self, **values: Any) -> UUID:
        """An invoice that is in order: sent, locked, due in ten days; and these values."""
        told = self.invoice_snapshot(**values)
        await self.tell(billing.InvoiceSent(invoice=told), told.id, told.version)
        return UUID(told.id)

    def invoice_snapshot(self, amount: int = 10_000, currency: str = "EUR", **values: Any) -> InvoiceSnapshot:
        """The same as a message; `amount` in minor units."""
        money = Money(minor=amount, currency=currency)
        known: Json = {
            "id": str(new_id()),
            "version": 1,
            "invoice_number": "2026-0001",
            "status": "SENT",
            "company": self.company,
            "gross": money,
            "paid": Money(minor=0, currency=currency),
            "balance": money,
            "issue_date": self.day(0),
            "due_date": self.day(10),
            "locked_at": self.stand.clock.now,
            "created_at": self.stand.clock.now,
            "updated_at": self.stand.clock.now,
        } | values
        return InvoiceSnapshot(**{name: value for name, value in known.items() if value is not None})

    async def activity(self, action: str = "UPDATE", context: str = "sales", **values: Any) -> UUID:
        """An entry of somebody's history; the id of the entity."""
        actor = Actor(
            id=str(self.stand.user_id), name="Test Person", email="person@test.example", kind="user"
        )
        known: Json = {
            "id": str(new_id()),
            "entity_type": "DEAL",
            "entity_id": str(new_id()),
            "action": action,
            "actor": actor,
            "before_json": '{"title":"Old"}',
            "after_json": '{"title":"New"}',
            "request_id": str(new_id()),
            "ip": "192.0.2.1",
            "user_agent": "a browser",
            "at": self.stand.clock.now,
        } | values
        told = ActivityRecorded(**known)
        await self.tell(told, told.entity_id, context=context)
        return UUID(told.entity_id)

    async def tell(self, message: Message, aggregate_id: Any, version: int = 1, **more: Any) -> bool:
        """A fact of the organisation arrives."""
        return await self.stand.deliver(message, aggregate_id, version=version, **more)

    async def rows(self) -> dict[str, Any]:
        """Every row of every read model."""
        async with self.stand.runtime.system.session(None, read_only=True) as session:
            return {
                model.__table__.name: [
                    tuple(row)
                    for row in await session.execute(
                        select(model.__table__).where(model.org_id == self.org_id).order_by(model.id)
                    )
                ]
                for model in MODELS
            }

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """What somebody with the whole database in their hands does."""
        async with self.stand.runtime.system.session(None) as session:
            result: Any = await session.execute(text(statement), {"org_id": self.org_id, **values})
            rows = list(result.all()) if result.returns_rows else []
            await session.commit()
            return rows
