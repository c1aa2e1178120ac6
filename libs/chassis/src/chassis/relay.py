"""The relay: unpublished outbox rows to the broker, in order per aggregate, each acknowledged (design/events.md 2)."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson
import structlog
from sqlalchemy import Integer, Row, bindparam, exists, func, select, text, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.bus import MAX_MESSAGE_BYTES, STREAM, SUBJECT_PREFIX, Bus, BusErrors
from chassis.clock import Clock
from chassis.database import Database
from chassis.metrics import outbox_oldest_seconds, outbox_pending, outbox_quarantined
from chassis.rows import outbox
from chassis.tasks import uninterrupted

log = structlog.get_logger()

BATCH = 200
BULK_BATCH = 75
BULK_A_SECOND = 300
"""Facts of something large, such as a long import: slow enough for consumers to have time for everything else."""
POLL_SECONDS = 0.25
MAX_POLL_SECONDS = 2.0
MEASURE_SECONDS = 1.0
LOCK = text("SELECT pg_try_advisory_lock(hashtext('execos.relay'))")


def _is_pending(rows: Any = outbox) -> Any:
    return rows.c.published_at.is_(None) & rows.c.quarantined_at.is_(None)


_BULK = outbox.alias("bulk")
_FOLLOWS_BULK = exists().where(
    _is_pending(_BULK), _BULK.c.is_bulk, _BULK.c.aggregate_id == outbox.c.aggregate_id
)
_IS_LATER = outbox.c.is_bulk | _FOLLOWS_BULK
# Never `id > last seen`: identity values are handed out before commit order is known.
# A fact of something large follows itself; `NOT is_bulk` is said for the index.
_PROMPT = select(outbox).where(_is_pending(), ~outbox.c.is_bulk, ~_FOLLOWS_BULK)
_LATER = select(outbox).where(_is_pending(), _IS_LATER)
READY = union_all(
    select(_PROMPT.order_by(outbox.c.id).limit(BATCH).subquery("prompt")),
    select(_LATER.order_by(outbox.c.id).limit(bindparam("later", type_=Integer)).subquery("later")),
)
"""What is published next: facts that wait for nothing, and so many of something large or behind such a one."""


class Relay:
    """Publishes the outbox of one database; only one relay per database is active (advisory lock)."""

    def __init__(self, database: Database, bus: Bus, *, context: str, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._source = context
        self._clock = clock
        self._hint = asyncio.Event()
        self._measured_at = float("-inf")
        self._bulk_due_at = float("-inf")

    def wake(self) -> None:
        """A transaction with facts has committed."""
        self._hint.set()

    async def run(self) -> None:
        """Publish until cancelled; whatever fails is tried again, slower."""
        pause = POLL_SECONDS
        while True:
            try:
                pause = await self._hold_and_publish(pause)
            except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on
                log.warning("relay.interrupted", error=repr(error))
                pause = min(pause * 2, MAX_POLL_SECONDS)
                await asyncio.sleep(pause)

    async def _hold_and_publish(self, pause: float) -> float:
        """While this process holds the lock, publish batch after batch; returns only when it does not get it."""
        async with self._database.engine.connect() as holder:
            if not await holder.scalar(LOCK):
                await asyncio.sleep(MAX_POLL_SECONDS)
                return pause
            try:
                while True:
                    await holder.execute(text("SELECT 1"))  # whoever lost the connection has lost the lock
                    published = await self.publish_batch()
                    pause = POLL_SECONDS if published else min(pause * 2, MAX_POLL_SECONDS)
                    if published < BATCH:
                        await self._wait(pause)
            finally:
                await uninterrupted(holder.invalidate())  # the lock ends with its connection

    async def publish_batch(self) -> int:
        """Publish up to BATCH pending rows and mark them; returns how many, raises when the broker refused any.

        Rows of something large hold up no others, and are only so many a second.
        """
        is_due = time.monotonic() >= self._bulk_due_at
        async with self._database.session(None, read_only=True) as session:
            ready = await session.execute(READY, {"later": BULK_BATCH if is_due else 0})
            rows = sorted(ready.all(), key=attrgetter("id"))
            if time.monotonic() - self._measured_at >= MEASURE_SECONDS:
                await self._measure(session)
        if not rows:
            return 0
        if any(row.is_bulk for row in rows):
            self._bulk_due_at = time.monotonic() + BULK_BATCH / BULK_A_SECOND
        by_aggregate: dict[Any, list[Row[Any]]] = defaultdict(list)
        for row in rows:
            by_aggregate[row.aggregate_id].append(row)
        results = await asyncio.gather(*(self._publish_in_order(group) for group in by_aggregate.values()))
        published = [row_id for ids, _ in results for row_id in ids]
        failures = [failure for _, failure in results if failure is not None]
        await self._mark(published)
        if failures:
            raise failures[0]
        return len(published)

    async def _publish_in_order(self, rows: Sequence[Row[Any]]) -> tuple[list[int], Exception | None]:
        published: list[int] = []
        for row in rows:
            payload, headers = orjson.dumps(row.payload), _headers(row, self._source)
            if len(payload) + _size(headers) > MAX_MESSAGE_BYTES:
                await self._quarantine(row)
                continue
            try:
                await self._bus.publish(SUBJECT_PREFIX + row.type, payload, headers)
            except BusErrors as failure:
                self._bus.forget_stream()  # it may be gone with the broker's disk
                return published, failure
            published.append(row.id)
        return published, None

    async def _mark(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        async with self._database.session(None) as session:
            marked = update(outbox).where(outbox.c.id.in_(ids), outbox.c.published_at.is_(None))
            await session.execute(marked.values(published_at=self._clock(), attempts=outbox.c.attempts + 1))
            await session.commit()

    async def _quarantine(self, row: Row[Any]) -> None:
        log.error("relay.quarantined", event_id=str(row.event_id), type=row.type, reason="too large")
        outbox_quarantined.inc()
        async with self._database.session(None) as session:
            await session.execute(
                update(outbox).where(outbox.c.id == row.id).values(quarantined_at=self._clock())
            )
            await session.commit()

    async def _measure(self, session: AsyncSession) -> None:
        self._measured_at = time.monotonic()
        pending = select(func.count(), func.min(outbox.c.created_at)).where(_is_pending())
        count, oldest = (await session.execute(pending)).one()
        outbox_pending.set(count)
        outbox_oldest_seconds.set((self._clock() - oldest).total_seconds() if oldest else 0)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hint.wait()
        except TimeoutError:
            pass
        self._hint.clear()


async def redrive(database: Database, since: datetime) -> int:
    """Mark published facts since an instant as pending again, for a broker that lost its disk; returns how many."""
    async with database.session(None) as session:
        again = update(outbox).where(outbox.c.published_at >= since).values(published_at=None)
        result = await session.execute(again)
        await session.commit()
    return int(result.rowcount)  # type: ignore[attr-defined]


def _headers(row: Row[Any], context: str) -> dict[str, str]:
    event_id = str(row.event_id)
    headers: dict[str, str] = row.headers
    return headers | {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": row.type,
        "ce-source": context,
        "ce-time": row.created_at.isoformat(),
        "ce-subject": str(row.aggregate_id),
        "org-id": str(row.org_id),
        "aggregate-version": str(row.aggregate_version),
    }


def _size(headers: dict[str, str]) -> int:
    """Bytes of the headers on the wire: a line each, and the frame around them."""
    # The client adds the name of the stream it expects.
    frame = len(f"NATS/1.0\r\nNats-Expected-Stream: {STREAM}\r\n\r\n")
    return frame + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())
