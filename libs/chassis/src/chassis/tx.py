"""A unit of work: rows, activity, facts and the stored answer commit together or not at all."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast
from uuid import UUID

from google.protobuf.message import Message
from psycopg.rows import namedtuple_row

from chassis import ledger
from chassis.activity import Entry, changes_of
from chassis.auth import Actor
from chassis.clock import Clock
from chassis.context import Work, begin_work, current_work, new_request_id
from chassis.database import Database, Driver
from chassis.errors import StaleVersion
from chassis.facts import fact_type, to_dict
from chassis.ids import new_id
from chassis.queries import Lookup, Rows
from chassis.rows import Aggregate
from chassis.tasks import uninterrupted

if TYPE_CHECKING:
    from chassis.idempotency import Claim


class Fact(NamedTuple):
    """What happened to an aggregate: the message and the version it led to."""

    message: Message
    aggregate_id: UUID
    aggregate_version: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where transactions come from: a service's name, pool and clock, and what to do after a commit of facts."""

    context: str
    database: Database
    clock: Clock
    on_facts: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def tx(self, actor: Actor) -> AsyncIterator[Tx]:
        """A transaction of its own for consumers, jobs and gRPC: committed at the end, rolled back on any error."""
        async with Tx(self, actor) as tx:
            yield tx
            await tx.commit()

    @asynccontextmanager
    async def reading(self, actor: Actor) -> AsyncIterator[Reading]:
        """A read-only transaction outside a request."""
        reading = Reading(self, actor)
        try:
            yield reading
        finally:
            await reading.close()


class Reading:
    """A read-only transaction; it begins with the first query."""

    def __init__(self, source: Source, actor: Actor) -> None:
        self.now: datetime = source.clock()
        self.actor = actor
        self._source = source
        self._driver: Driver | None = None
        self._opened: AbstractAsyncContextManager[Driver] | None = None

    async def rows(self, query: Lookup, **parameters: Any) -> Rows:
        """All rows of a compiled query, as named tuples."""
        if self._driver is None:
            opening = self._source.database.reading(self.actor.org_id)
            self._driver = await opening.__aenter__()
            self._opened = opening
        return await fetch(self._driver, query, parameters)

    async def close(self) -> None:
        """End the transaction and return the connection."""
        if self._opened is not None:
            opened, self._opened, self._driver = self._opened, None, None
            await opened.__aexit__(*sys.exc_info())


async def fetch(driver: Driver, query: Lookup, parameters: Mapping[str, Any]) -> Rows:
    """Run a compiled query on a connection of the driver."""
    work = current_work()
    if work is not None:
        work.statements += 1
    async with driver.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(query.sql, query.values(parameters))
        return await cursor.fetchall()


class Tx:
    """One transaction of one actor; it begins with the first statement of `session`."""

    def __init__(self, source: Source, actor: Actor, *, if_match: int | None = None) -> None:
        self.session = source.database.session(actor.org_id)
        self.now: datetime = source.clock()
        self.actor = actor
        self.if_match = if_match
        self.claim: Claim | None = None
        self.answer: dict[str, Any] | None = None
        self.work = current_work() or begin_work(
            Work(new_request_id(), org_id=actor.org_id, actor_id=actor.id)
        )
        self._source = source
        self._driver: Driver | None = None
        self._entries: list[dict[str, Any]] = []
        self._facts: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        """Nothing happens yet: the transaction is lazy."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""
        await self.close()

    async def close(self) -> None:
        """Roll back what was not committed and return the connection, also when the task is being cancelled."""
        await uninterrupted(self.session.close())

    async def rows(self, query: Lookup, **parameters: Any) -> Rows:
        """All rows of a compiled query, within this transaction and after its pending changes."""
        await self._flush()
        return await fetch(await self._connection(), query, parameters)

    def expect(self, entity: Aggregate) -> None:
        """Raise StaleVersion when the client's If-Match names another version."""
        if self.if_match is not None and entity.version != self.if_match:
            raise StaleVersion("The resource has changed since you read it.", current=entity.version)

    def record(self, entity: Aggregate, action: str) -> bool:
        """Note that `action` happened to `entity`: next version, activity entry, audit fact.

        An UPDATE that changed nothing is not recorded; the answer says whether anything was.
        """
        before, after = changes_of(entity)
        is_new = entity in self.session.new
        if action == "UPDATE" and not after:
            return False
        if not is_new:
            entity.version += 1
            entity.updated_at = self.now
        self._enter(entity, action, None if is_new else before, after)
        return True

    def note(self, entity: Aggregate, action: str, after: dict[str, Any]) -> None:
        """Note what is worth knowing beside a change of `entity`: activity entry and audit fact, no new version."""
        self._enter(entity, action, None, after)

    def publish(self, fact: Fact) -> None:
        """Put a fact into the outbox of this transaction."""
        event_type = fact_type(fact.message, self._source.context)
        self._facts.append(
            {
                "org_id": self.actor.org_id,
                "event_id": new_id(),
                "aggregate_type": event_type.split(".")[1],
                "aggregate_id": fact.aggregate_id,
                "aggregate_version": fact.aggregate_version,
                "type": event_type,
                "payload": to_dict(fact.message),
                "headers": self._headers(),
                "created_at": self.now,
            }
        )

    async def commit(self) -> None:
        """Write everything and commit; what fails here leaves nothing behind."""
        await self._flush()
        if self._entries or self._facts or self.answer:
            await self._execute(
                ledger.statement(has_answer=self.answer is not None),
                ledger.parameters(self._entries, self._facts, self.answer),
            )
        await self.session.commit()
        if self._facts:
            self._source.on_facts()
        self._entries, self._facts, self.answer = [], [], None

    async def _flush(self) -> None:
        # Asking first costs less than a flush of nothing.
        if self.session.new or self.session.dirty or self.session.deleted:
            await self.session.flush()

    def _enter(
        self, entity: Aggregate, action: str, before: dict[str, Any] | None, after: dict[str, Any]
    ) -> None:
        entry = Entry(new_id(), entity, action, self.actor, before, after, self.work, self.now)
        self._entries.append(entry.row())
        self.publish(Fact(entry.message(), entity.id, entity.version))

    async def _connection(self) -> Driver:
        """The driver's connection of this transaction, begun if it was not yet."""
        if self._driver is None:
            pooled = await (await self.session.connection()).get_raw_connection()
            self._driver = cast("Driver", pooled.driver_connection)
        return self._driver

    async def _execute(self, statement: str, parameters: Mapping[str, Any]) -> None:
        self.work.statements += 1
        driver = await self._connection()
        await driver.execute(statement, parameters)

    def _headers(self) -> dict[str, str]:
        headers = {
            "actor": f"{self.actor.kind.value}:{self.actor.id or ''}",
            "request-id": self.work.request_id,
        }
        if self.work.traceparent:
            headers["traceparent"] = self.work.traceparent
        return headers
