"""A service under test, in this process: its app, its database, its facts, its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from google.protobuf.message import Message
from sqlalchemy import select, text

from chassis.auth import TokenVerifier
from chassis.database import Database
from chassis.denials import Denials
from chassis.facts import fact_type, parse, to_json
from chassis.ids import new_id
from chassis.inbox import Received, receive, received
from chassis.rows import activity, outbox
from chassis.runtime import Runtime
from chassis.service import Service
from chassis.testing.databases import Databases
from chassis.testing.tokens import AUDIENCE, ISSUER, LocalKeys, access_token
from chassis.tx import Source
from chassis.worker import run_for_organisation


@dataclass
class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        """The present of the test."""
        return self.now

    def advance(self, **duration: float) -> None:
        """Let time pass: `advance(days=2)`."""
        self.now += timedelta(**duration)


@dataclass(frozen=True)
class PublishedFact:
    """One outbox row as a test reads it."""

    type: str
    aggregate_id: UUID
    version: int
    message: Any
    is_bulk: bool


@dataclass
class Stand:
    """One started service; every test works in its own organisation."""

    service: Service
    runtime: Runtime
    app: Any
    clock: TestClock
    org_id: UUID = field(default_factory=new_id)
    user_id: UUID = field(default_factory=new_id)

    @classmethod
    @asynccontextmanager
    async def of(
        cls, service: Service, databases: Databases, parts: Mapping[type, Any], settings: Mapping[str, Any]
    ) -> AsyncIterator[Stand]:
        """The service with these peers (fakes) and settings, closed again at the end."""
        database = Database(databases.url(service.name, "app"), application=f"{service.name}-test")
        system = Database(databases.url(service.name, "system"), application=f"{service.name}-test-system")
        clock = TestClock()
        source = Source(service.name, database, clock)
        verifier = TokenVerifier(LocalKeys(), issuer=ISSUER, audience=AUDIENCE)
        configured = service.settings.model_construct(**{**SETTINGS, **settings})
        known = {service.settings: configured, **parts}
        tenants = service.tenants(lambda: runtime)
        runtime = Runtime(source, system, verifier, Denials(source), tenants, service.constraints, known)
        try:
            yield cls(service, runtime, service.app(runtime), clock)
        finally:
            await database.dispose()
            await system.dispose()

    def token(self, *scope: str, **claims: Any) -> str:
        """An access token of this test's organisation with these permissions (all when none is named)."""
        claims = {"user_id": self.user_id} | claims
        return access_token(claims.pop("org_id", self.org_id), scope=scope or ("*",), **claims)

    def client(
        self, *scope: str, headers: Mapping[str, str] | None = None, **claims: Any
    ) -> httpx2.AsyncClient:
        """An HTTP client that is signed in with these permissions."""
        authorization = {"authorization": f"Bearer {self.token(*scope, **claims)}"}
        return self.anonymous(headers=authorization | dict(headers or {}))

    def anonymous(self, headers: Mapping[str, str] | None = None) -> httpx2.AsyncClient:
        """An HTTP client without a token."""
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://service.test", headers=headers)

    async def facts(self, *types: str, org_id: UUID | None = None) -> list[PublishedFact]:
        """The facts published in the organisation, oldest first; of these types, or all but the audit feed."""
        wanted = select(outbox).where(outbox.c.org_id == (org_id or self.org_id)).order_by(outbox.c.id)
        if types:
            wanted = wanted.where(outbox.c.type.in_(types))
        else:
            wanted = wanted.where(~outbox.c.type.contains(".activity.recorded."))
        async with self.runtime.system.session(None, read_only=True) as session:
            rows = (await session.execute(wanted)).all()
        return [
            PublishedFact(
                row.type, row.aggregate_id, row.aggregate_version, parse(row.type, row.payload), row.is_bulk
            )
            for row in rows
        ]

    async def actions(self, entity_id: UUID | str) -> list[str]:
        """The actions recorded for an entity, oldest first."""
        wanted = select(activity.c.action).where(
            activity.c.org_id == self.org_id, activity.c.entity_id == UUID(str(entity_id))
        )
        async with self.runtime.source.database.session(self.org_id, read_only=True) as session:
            return list(await session.scalars(wanted.order_by(activity.c.at, activity.c.id)))

    async def deliver(
        self,
        message: Message,
        aggregate_id: UUID | str,
        *,
        version: int = 1,
        event_id: UUID | None = None,
        **more: Any,
    ) -> bool:
        """Let the service receive a fact; False when it had it before."""
        headers = {
            "ce-type": fact_type(message, more.get("context")),
            "ce-id": str(event_id or new_id()),
            "ce-subject": str(aggregate_id),
            "ce-time": (more.get("at") or self.clock.now).isoformat(),
            "org-id": str(more.get("org_id", self.org_id)),
            "aggregate-version": str(version),
            "actor": more.get("actor", "system:"),
            "request-id": str(new_id()),
        }
        return await self.receive(received(to_json(message), headers))

    async def receive(self, fact: Received) -> bool:
        """Let the service receive a fact that another service published."""
        return await receive(self.runtime.source, self.service.name, self.service.handlers, fact)

    async def run_deferred(self) -> list[str]:
        """Run what was deferred for this organisation, due or not, oldest first; the names of the tasks.

        What a task raises comes out, and the task is gone.
        """
        ran: list[str] = []
        for call in await self._take_deferred():
            jobs, arguments = self.service.all_jobs(), dict(call.args)
            org_id = UUID(arguments.pop("org_id"))
            if call.task_name in jobs.tasks:
                await jobs.tasks[call.task_name].run(self.runtime, org_id, **arguments)
            else:
                run = (org_id, UUID(arguments["run_id"]))
                job = jobs.periodics[call.task_name.partition("/")[0]]
                await run_for_organisation(self.runtime, job, run, arguments["slot"], attempts=0, delays=())
            ran.append(call.task_name)
        return ran

    async def run_periodic(self, name: str, slot: datetime | None = None) -> None:
        """Run a periodic job as if its slot had come, for this organisation if it is a job of organisations."""
        job = self.service.all_jobs().periodics[name]
        due = slot or self.clock.now
        await (
            job.run(self.runtime, self.org_id, due)
            if job.scope == "organisation"
            else job.run(self.runtime, due)
        )

    async def _take_deferred(self) -> list[Any]:
        taken = text(
            "DELETE FROM procrastinate.procrastinate_jobs WHERE status = 'todo' AND args->>'org_id' = :org_id"
            " RETURNING id, task_name, args"
        )
        async with self.runtime.system.session(None) as session:
            calls = (await session.execute(taken, {"org_id": str(self.org_id)})).all()
            await session.commit()
        return sorted(calls, key=lambda call: call.id)


SETTINGS: Mapping[str, Any] = {
    "environment": "development",
    "profile": "test",
    "public_base_url": "https://execos.test",
    "token_issuer": ISSUER,
    "token_audience": AUDIENCE,
    "log_level": "info",
}
