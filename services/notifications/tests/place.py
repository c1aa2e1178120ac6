"""An organisation whose people are told things: its members, its mail server, and the facts of the other services."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid5

import httpx2
from google.protobuf.message import Message
from services.notifications.tests.mail_server import MailServer
from sqlalchemy import select, text

from chassis.ids import new_id
from chassis.rows import inbox
from chassis.testing.stand import Stand
from clients.billing.fake import FakeBilling
from clients.identity.fake import FakeIdentity
from clients.identity.types import MailLink, MailLinkKind
from execos.billing.v1.events_pb2 import InvoicePaid, InvoiceSent
from execos.billing.v1.snapshots_pb2 import InvoiceSnapshot
from execos.identity.v1.events_pb2 import (
    MemberJoined,
    MemberRemoved,
    MemberRoleChanged,
    OrganisationUpdated,
    RoleCreated,
    RoleDeleted,
    RoleUpdated,
)
from execos.identity.v1.snapshots_pb2 import LegalProfile, MemberSnapshot, OrganisationSnapshot, RoleSnapshot
from execos.platform.v1.values_pb2 import Money, Reference
from execos.sales.v1.snapshots_pb2 import DealSnapshot, LeadSnapshot
from execos.work.v1.snapshots_pb2 import ItemSnapshot
from notifications.domain.deliveries import Delivery
from notifications.sending import deliver_mail

Json = dict[str, Any]

LEGAL: Json = {"legal_name": "Acme Works GmbH", "email": "office@acme.test", "iban": "DE02120300000000202051"}


@dataclass
class Place:
    """The service, its fakes, and helpers that speak as the other services do."""

    stand: Stand
    identity: FakeIdentity
    billing: FakeBilling
    mails: MailServer
    versions: dict[str, int] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------ people

    async def person(self, role: str = "SALES", name: str = "Some Body", status: str = "active") -> UUID:
        """A member that identity has told of."""
        user_id = new_id()
        await self.member(user_id, role, name=name, status=status)
        return user_id

    async def member(
        self, user_id: UUID, role: str, *, name: str = "Some Body", status: str = "active"
    ) -> None:
        """What identity tells of a member now."""
        version = self._next(str(user_id))
        snapshot = MemberSnapshot(
            user_id=str(user_id),
            version=version,
            name=name,
            email=f"{user_id.hex[-8:]}@test.example",
            role=role,
            status=status,
        )
        kind = MemberRemoved if status == "removed" else MemberRoleChanged if version > 1 else MemberJoined
        await self.stand.deliver(kind(member=snapshot), user_id, version=version)

    async def role(self, key: str, *permissions: str, is_deleted: bool = False) -> None:
        """What identity tells of a role that the organisation has defined or changed."""
        role_id = uuid5(self.stand.org_id, key)
        version = self._next(str(role_id))
        snapshot = RoleSnapshot(id=str(role_id), version=version, key=key, permissions=permissions)
        kind = RoleDeleted if is_deleted else RoleUpdated if version > 1 else RoleCreated
        await self.stand.deliver(kind(role=snapshot), role_id, version=version)

    async def organisation(
        self, locale: str = "en", legal: Json | None = None, *, is_on: bool = True
    ) -> None:
        """What identity tells of the organisation now."""
        org_id = str(self.stand.org_id)
        snapshot = OrganisationSnapshot(
            id=org_id, version=self._next(org_id), name="Acme Works", slug="acme", status="active",
            time_zone="Europe/Berlin", currency="EUR", locale=locale, modules=["notifications"] if is_on else [],
            legal=LegalProfile(**legal) if legal else None,
        )  # fmt: skip
        await self.stand.deliver(OrganisationUpdated(organisation=snapshot), org_id, version=snapshot.version)

    def link(self, kind: MailLinkKind, generation: int = 0, **values: Any) -> UUID:
        """A link that identity makes for now and half an hour; its id."""
        link_id, named = new_id(), {"path": "/x", "name": "", "locale": "en", "organisation": "Acme Works"}
        link = MailLink(expires_at=self.now + timedelta(minutes=30), **named | values)
        self.identity.known_mail_links[self.stand.org_id, kind, link_id, generation] = link
        return link_id

    # ------------------------------------------------------------------------------------------- facts

    async def tell(self, message: Message, entity_id: UUID | str, **options: Any) -> UUID:
        """Deliver a fact of another service; its event id."""
        event_id: UUID = options.pop("event_id", None) or new_id()
        actor = options.pop("by", None)
        options.setdefault("version", self._next(str(entity_id)))
        by = f"user:{actor}" if actor else "system:"
        await self.stand.deliver(message, entity_id, event_id=event_id, actor=by, **options)
        return event_id

    def item(self, **fields: Any) -> ItemSnapshot:
        """A work item."""
        named: Json = {
            "id": str(new_id()),
            "title": "Paint the fence",
            "kind": "general",
            "status": "TODO",
            "priority": 2,
        }
        return ItemSnapshot(**named | _ids(fields))

    def deal(self, **fields: Any) -> DealSnapshot:
        """A deal worth 1,200 EUR."""
        named: Json = {
            "id": str(new_id()),
            "title": "Fences for all",
            "stage": "OPEN",
            "value": Money(minor=120_000, currency="EUR"),
            "company": Reference(id=str(new_id()), name="Hafen AG"),
        }
        return DealSnapshot(**named | _ids(fields))

    def lead(self, **fields: Any) -> LeadSnapshot:
        """A lead."""
        named: Json = {"id": str(new_id()), "title": "Wants fences", "stage": "NEW"}
        return LeadSnapshot(**named | _ids(fields))

    def invoice(self, **fields: Any) -> InvoiceSnapshot:
        """A sent invoice over 1,190 EUR that billing can render."""
        named: Json = {
            "id": str(new_id()),
            "invoice_number": "INV-2026-00001",
            "status": "SENT",
            "company": Reference(id=str(new_id()), name="Hafen AG"),
            "gross": Money(minor=119_000, currency="EUR"),
            "issue_date": date(2026, 3, 10).isoformat(),
            "due_date": date(2026, 3, 24).isoformat(),
        }
        invoice = InvoiceSnapshot(**named | _ids(fields))
        self.billing.add_invoice(self.stand.org_id, UUID(invoice.id), number=invoice.invoice_number)
        return invoice

    async def invoice_sent(
        self, buyer_email: str | None = "buyer@hafen.test", **fields: Any
    ) -> tuple[UUID, UUID]:
        """Billing has sent an invoice: its id and the event's."""
        options = {name: fields.pop(name) for name in ("by", "event_id") if name in fields}
        invoice = self.invoice(**fields)
        event_id = await self.tell(
            InvoiceSent(invoice=invoice, buyer_email=buyer_email), invoice.id, **options
        )
        return UUID(invoice.id), event_id

    async def invoice_paid(self, **fields: Any) -> UUID:
        """Billing has seen the money."""
        by = fields.pop("by", None)
        invoice = self.invoice(**fields)
        await self.tell(InvoicePaid(invoice=invoice), invoice.id, by=by)
        return UUID(invoice.id)

    # ------------------------------------------------------------------------------------------- inbox

    def api(self, person: UUID, *scope: str, **claims: Any) -> httpx2.AsyncClient:
        """A client signed in as that person."""
        return self.stand.client(*scope, user_id=person, **claims)

    async def inbox(self, person: UUID, *scope: str, **query: Any) -> list[Json]:
        """What a person was told, newest first."""
        async with self.api(person, *scope) as api:
            answer = await api.get("/api/v1/notifications", params=query)
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    async def types(self, person: UUID) -> list[str]:
        """The types of what a person was told, sorted."""
        return sorted(notice["type"] for notice in await self.inbox(person))

    async def forget_facts(self) -> None:
        """As if the chassis had cleaned up what arrived here."""
        async with self.stand.runtime.system.session(None) as session:
            await session.execute(inbox.delete().where(inbox.c.org_id == self.stand.org_id))
            await session.commit()

    # -------------------------------------------------------------------------------------------- mail

    async def work(self) -> int:
        """Do the deferred calls that are due by the test's clock, as the worker does; how many there were."""
        calls = await self.deferred()
        due = [
            call for call in calls if call.scheduled_at is None or call.scheduled_at <= self.stand.clock.now
        ]
        for call in due:
            arguments = {name: value for name, value in call.args.items() if name != "org_id"}
            await deliver_mail(self.stand.runtime, self.stand.org_id, **arguments)
            await self._forget(call.id)
        return len(due)

    async def deferred(self) -> list[Any]:
        """The calls that wait, oldest first."""
        wanted = text(
            "SELECT id, args, scheduled_at FROM procrastinate.procrastinate_jobs"
            " WHERE args->>'org_id' = :org AND status = 'todo' ORDER BY id"
        )
        async with self.stand.runtime.system.session(None) as session:
            return list((await session.execute(wanted, {"org": str(self.stand.org_id)})).all())

    async def deliveries(self) -> list[Delivery]:
        """Every delivery of the organisation, oldest first."""
        org_id = self.stand.org_id
        async with self.stand.runtime.source.database.session(org_id, read_only=True) as session:
            wanted = select(Delivery).where(Delivery.org_id == org_id).order_by(Delivery.created_at)
            return list(await session.scalars(wanted))

    async def states(self) -> list[tuple[str, int]]:
        """State and ended tries of every delivery."""
        return [(each.state, each.attempts) for each in await self.deliveries()]

    async def mail_facts(self) -> list[Any]:
        """What was told of mails."""
        return [fact for fact in await self.stand.facts() if ".email." in fact.type]

    def advance(self, **duration: float) -> None:
        """Let time pass."""
        self.stand.clock.advance(**duration)

    @property
    def now(self) -> datetime:
        """The present of the test, without what a database cannot keep."""
        return self.stand.clock.now

    async def _forget(self, job_id: int) -> None:
        async with self.stand.runtime.system.session(None) as session:
            await session.execute(
                text("DELETE FROM procrastinate.procrastinate_jobs WHERE id = :id"), {"id": job_id}
            )
            await session.commit()

    def _next(self, key: str) -> int:
        self.versions[key] = self.versions.get(key, 0) + 1
        return self.versions[key]


def part(message: EmailMessage, kind: str) -> str:
    """The text or the HTML of a mail."""
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def _ids(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()}
