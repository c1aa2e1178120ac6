"""A unit of work: rows, activity, facts and the stored answer commit together or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import UUID

from google.protobuf.message import Message
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from chassis import ledger
from chassis.activity import Entry, changes_of, values_of
from chassis.auth import Actor
from chassis.clock import Clock
from chassis.context import Work, begin_work, current_work, new_request_id
from chassis.database import Database, Driver, Opened
from chassis.entities import Entities, key_of, update_of, written
from chassis.errors import StaleVersion
from chassis.etag import Versions
from chassis.facts import fact_type, to_dict
from chassis.ids import new_id
from chassis.inserts import insert_of
from chassis.queries import Lookup, Rows
from chassis.rows import Recorded
from execos.platform.v1.activity_pb2 import ActivityRecorded

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
        self._opened: Opened | None = None

    async def rows(self, query: Lookup, **parameters: Any) -> Rows:
        """All rows of a compiled query, as named tuples."""
        return await fetch((await self._begun()).driver, query.sql, query.values(parameters))

    async def close(self) -> None:
        """End the transaction and return the connection."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            try:
                if opened.driver.pgconn.transaction_status == TransactionStatus.INTRANS:
                    await opened.driver.commit()
            finally:
                await opened.close()

    async def _begun(self) -> Opened:
        if self._opened is None:
            self._opened = await self._source.database.begin(self.actor.org_id, read_only=True)
        return self._opened


async def fetch(driver: Driver, sql: str, values: Mapping[str, Any]) -> Rows:
    """All rows of a statement on a connection of the driver, as named tuples."""
    work = current_work()
    if work is not None:
        work.statements += 1
    async with driver.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(sql, values)
        return await cursor.fetchall()


class Tx:
    """One transaction of one actor; it begins with its first statement."""

    def __init__(self, source: Source, actor: Actor, *, if_match: Versions | None = None) -> None:
        self.now: datetime = source.clock()
        self.actor = actor
        self.if_match = if_match
        self.claim: Claim | None = None
        self.answer: dict[str, Any] | None = None
        self.work = current_work() or begin_work(
            Work(new_request_id(), org_id=actor.org_id, actor_id=actor.id)
        )
        self._source = source
        self._org_id = actor.org_id
        self._opened: Opened | None = None
        self._session: AsyncSession | None = None
        self._new: list[object] = []
        self._kept: dict[object, object] = {}
        self._entries: list[dict[str, Any]] = []
        self._facts: list[dict[str, Any]] = []
        self.is_bulk = False
        """Whether what is told from now on is a part of something large and lets everybody else's facts go first."""

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
        self._session = None  # it has nothing of its own to close
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    @property
    def session(self) -> AsyncSession:
        """The ORM's session in this transaction: for rows that are read to be changed."""
        if self._session is None:
            self._session = self._source.database.borrowing(self._begun)
            self._session.add_all(self._kept.values())
        return self._session

    def add(self, row: object) -> None:
        """Insert a new row, before the next statement of this transaction or with it; in the order of the calls."""
        self._new.append(row)

    async def rows(self, query: Lookup, **parameters: Any) -> Rows:
        """All rows of a compiled query, within this transaction and after its pending changes."""
        opened, values = await self._begun(), query.values(parameters)
        if not self._is_new(query, parameters):
            await self.flush()
            return await fetch(opened.driver, query.sql, values)
        row = self._new.pop()
        insert = insert_of(row)
        shown = await fetch(opened.driver, insert.answering(query), insert.values(row) | values)
        written(row)
        self._keep(row)
        return shown

    def expect(self, entity: Recorded) -> None:
        """Raise StaleVersion when the client's If-Match names other versions."""
        if self.if_match is not None and entity.version not in self.if_match:
            raise StaleVersion("The resource has changed since you read it.", current=entity.version)

    def record(self, entity: Recorded, action: str, **beside: Any) -> bool:
        """Note that `action` happened to `entity`: next version, activity entry, audit fact.

        An UPDATE that changed nothing is not recorded; the answer says whether anything was. Of a DELETE everything
        that the row had is what was before. `beside` is what else the entry says of the time after.
        """
        is_new = key_of(entity) is None
        before, after = self._difference(entity, action, is_new=is_new)
        if action == "UPDATE" and not after:
            return False
        if not is_new:
            entity.version += 1
            entity.updated_at = self.now
        self._enter(entity, action, before, after if not beside else {**(after or {}), **beside})
        return True

    @staticmethod
    def _difference(
        entity: Recorded, action: str, *, is_new: bool
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        if is_new:
            return None, values_of(entity)
        return (values_of(entity), None) if action == "DELETE" else changes_of(entity)

    def note(
        self,
        entity: Recorded,
        action: str,
        after: dict[str, Any] | None,
        before: dict[str, Any] | None = None,
    ) -> None:
        """Note what is worth knowing beside a change of `entity`: activity entry and audit fact, no new version."""
        self._enter(entity, action, before, after)

    def publish(self, fact: Fact) -> None:
        """Put a fact into the outbox of this transaction."""
        event_type = fact_type(fact.message, self._source.context)
        self._tell(event_type, fact.aggregate_id, fact.aggregate_version, to_dict(fact.message))

    async def load(self, query: Entities, **parameters: Any) -> Sequence[Any]:
        """What a query of whole objects finds, in the order in which it names them; nothing for no row.

        Their changes are written like those of what was added. A row that was met before is the object it was then.
        """
        opened = await self._begun()
        await self.flush()
        rows = await fetch(opened.driver, query.sql, query.values(parameters))
        return query.of(rows[0], self._keep) if rows else ()

    async def flush(self) -> None:
        """Write what is pending now, for a query of the session that must see it."""
        new, self._new = self._new, []
        for _, alike in groupby(new, type):
            rows = list(alike)
            insert = insert_of(rows[0])
            await self._execute_each(insert.sql, [insert.values(row) for row in rows])
            for row in rows:
                written(row)
                self._keep(row)
        if self._session is None:
            await self._update_kept()
        elif _has_changes(self._session):  # asking first costs less than a flush of nothing
            await self._session.flush()

    @asynccontextmanager
    async def attempt(self, *, if_match: Versions | None = None) -> AsyncIterator[None]:
        """A part of the transaction that may fail by itself: an error undoes it whole, facts too, and comes out.

        Rows that were read before are read again: what was undone must not be taken for written.
        """
        await self.flush()
        self._discard()
        known = len(self._entries), len(self._facts)
        self.if_match, outer = if_match, self.if_match
        # The session's own savepoint: where a flush fails, it undoes that and not the whole transaction.
        savepoint = await self.session.begin_nested()
        _ = await self.session.connection()  # it is set when the session first needs its connection
        try:
            yield
            await self.flush()
            await savepoint.commit()
        except BaseException:
            self._new.clear()
            del self._entries[known[0] :], self._facts[known[1] :]
            await savepoint.rollback()
            raise
        finally:
            self.if_match = outer
            self._discard()

    def _discard(self) -> None:
        """No object that was read so far is written any more."""
        self._kept.clear()
        if self._session is not None:
            self._session.expunge_all()

    async def commit(self) -> None:
        """Write everything and commit; what fails here leaves nothing behind."""
        await self.flush()
        if self._entries or self._facts or self.answer:
            await self._execute(
                ledger.statement(has_answer=self.answer is not None),
                ledger.parameters(self._entries, self._facts, self.answer),
            )
        if self._opened is not None:
            await self._opened.driver.commit()
        if self._facts:
            self._source.on_facts()
        self._entries, self._facts, self.answer = [], [], None

    async def _begun(self) -> Opened:
        if self._opened is None:
            self._opened = await self._source.database.begin(self._org_id)
        return self._opened

    def _is_new(self, query: Lookup, parameters: Mapping[str, Any]) -> bool:
        """Whether a query shows just the one row that is about to be inserted."""
        if len(self._new) != 1 or type(self._new[0]) is not query.row_type:
            return False
        if self._session is not None and _has_changes(self._session):
            return False
        return bool(parameters[query.key] == self._new[0].id)  # type: ignore[attr-defined] # it is of `row_type`

    def _keep(self, row: object) -> object:
        """Write what changes of it, ourselves or the session once there is one; the object of that row met before."""
        key = key_of(row)
        met = self._session.identity_map.get(key) if self._session is not None else self._kept.get(key)
        if met is not None:
            return met
        self._kept[key] = row
        if self._session is not None:
            self._session.add(row)
        return row

    async def _update_kept(self) -> None:
        pending = [(row, update) for row in self._kept.values() if (update := update_of(row)) is not None]
        for sql, alike in groupby(pending, lambda each: each[1].sql):
            same = list(alike)
            if await self._execute_each(sql, [update.values for _, update in same]) != len(same):
                raise StaleDataError(f"a row of {[row for row, _ in same]!r} is gone")
            for row, _ in same:
                written(row)

    def _enter(
        self,
        entity: Recorded,
        action: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        entry = Entry(new_id(), entity, action, self.actor, before, after, self.work, self.now)
        self._entries.append(entry.row())
        event_type = fact_type(ActivityRecorded, self._source.context)
        self._tell(event_type, entity.id, entity.version, entry.payload())

    def _tell(self, event_type: str, aggregate_id: UUID, version: int, payload: Mapping[str, Any]) -> None:
        self._facts.append(
            {
                "org_id": self.actor.org_id,
                "event_id": new_id(),
                "aggregate_type": event_type.split(".")[1],
                "aggregate_id": aggregate_id,
                "aggregate_version": version,
                "type": event_type,
                "payload": payload,
                "headers": self._headers(),
                "created_at": self.now,
                "is_bulk": self.is_bulk,
            }
        )

    async def _execute(self, statement: str, parameters: Mapping[str, Any]) -> int:
        """How many rows it has touched."""
        self.work.statements += 1
        return (await (await self._begun()).driver.execute(statement, parameters)).rowcount

    async def _execute_each(self, statement: str, parameters: Sequence[Mapping[str, Any]]) -> int:
        """How many rows it has touched, for all of these parameters one after the other, sent at once."""
        if len(parameters) == 1:
            return await self._execute(statement, parameters[0])
        self.work.statements += 1
        async with (await self._begun()).driver.cursor() as cursor:
            await cursor.executemany(statement, parameters)
            return cursor.rowcount

    def _headers(self) -> dict[str, str]:
        headers = {
            "actor": f"{self.actor.kind.value}:{self.actor.id or ''}",
            "request-id": self.work.request_id,
        }
        if self.work.traceparent:
            headers["traceparent"] = self.work.traceparent
        return headers


def _has_changes(session: AsyncSession) -> bool:
    return bool(session.new or session.dirty or session.deleted)
