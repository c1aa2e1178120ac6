"""Facts in: a handler's effect happens once, however often a fact arrives (design/events.md 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from google.protobuf.message import Message
from sqlalchemy import bindparam, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from chassis import telemetry
from chassis.auth import system_actor
from chassis.context import Work, begin_work, new_request_id
from chassis.database import Database
from chassis.facts import parse
from chassis.queries import Lookup
from chassis.rows import inbox, parked_event
from chassis.tx import Source, Tx


@dataclass(frozen=True, slots=True)
class Received:
    """A fact as a handler sees it."""

    id: UUID
    type: str
    org_id: UUID
    aggregate_id: UUID
    version: int
    at: datetime
    actor: str
    request_id: str
    message: Any
    traceparent: str | None = None
    payload: bytes = b""
    """As it was published: with the fields that only a newer publisher knows."""

    @property
    def actor_id(self) -> UUID | None:
        """The person or key that caused it; None for the platform itself."""
        actor_id = self.actor.partition(":")[2]
        return UUID(actor_id) if actor_id else None


MAX_REASON_LENGTH = 2000

ERASED = "erased"
"""The consumer under which an organisation's own id says that it was deleted: kept as long as a fact can be late."""
_IS_ERASED = exists().where(
    inbox.c.org_id == bindparam("org_id"),
    inbox.c.consumer == ERASED,
    inbox.c.event_id == bindparam("org_id"),
)
_MARK = Lookup(
    insert(inbox)
    .from_select(
        inbox.c.keys(),
        select(*(bindparam(column.name, type_=column.type) for column in inbox.c)).where(~_IS_ERASED),
    )
    .on_conflict_do_nothing()
    .returning(inbox.c.event_id)
)
"""One row the first time, none again, and none where the organisation was deleted."""

Handler = Callable[[Tx, Received], Awaitable[None]]
Handlers = Mapping[str, Handler]


def received(payload: bytes, headers: Mapping[str, str]) -> Received:
    """The fact behind a message of the broker; ValueError or KeyError when it is none."""
    message: Message = parse(headers["ce-type"], payload)
    return Received(
        id=UUID(headers["ce-id"]),
        type=headers["ce-type"],
        org_id=UUID(headers["org-id"]),
        aggregate_id=UUID(headers["ce-subject"]),
        version=int(headers["aggregate-version"]),
        at=datetime.fromisoformat(headers["ce-time"]),
        actor=headers.get("actor", "system:"),
        request_id=headers.get("request-id") or new_request_id(),
        message=message,
        traceparent=headers.get("traceparent"),
        payload=payload,
    )


async def receive(source: Source, consumer: str, handlers: Handlers, fact: Received) -> bool:
    """Let the handler act on a fact in one transaction; False when it already had, or nothing may come back to life."""
    work = Work(fact.request_id, org_id=fact.org_id, actor_id=fact.actor_id, traceparent=fact.traceparent)
    begin_work(work)
    with telemetry.following(f"receive {fact.type}", work):
        async with Tx(source, system_actor(fact.org_id)) as tx:
            mark = {"org_id": fact.org_id, "consumer": consumer, "event_id": fact.id, "received_at": tx.now}
            if not await tx.rows(_MARK, **mark):
                return False
            await handlers[fact.type](tx, fact)
            await tx.commit()
    return True


async def accept_no_more(tx: Tx) -> None:
    """Let no fact about the organisation have an effect here once the transaction has committed."""
    org_id = tx.actor.org_id
    mark = {"org_id": org_id, "consumer": ERASED, "event_id": org_id, "received_at": tx.now}
    await tx.session.execute(insert(inbox).values(mark).on_conflict_do_nothing())


async def park(
    source: Source, consumer: str, payload: bytes, headers: Mapping[str, str], *, reason: str, attempts: int
) -> None:
    """Put a fact aside for a person, with the reason why it could not be handled.

    LookupError or ValueError when its headers do not say whose it is.
    """
    org_id = UUID(headers["org-id"])
    row = {
        "org_id": org_id,
        "consumer": consumer,
        "event_id": UUID(headers["ce-id"]),
        "type": headers["ce-type"],
        "payload": _storable(payload),
        "headers": dict(headers),
        "reason": reason[:MAX_REASON_LENGTH],
        "attempts": attempts,
        "parked_at": source.clock(),
    }
    async with source.database.session(org_id) as session:
        await session.execute(insert(parked_event).values(row).on_conflict_do_nothing())
        await session.commit()


def _storable(payload: bytes) -> Any:
    """The payload as JSON, or as text when it is none that PostgreSQL can keep."""
    try:
        if b"\\u0000" not in payload:
            return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass
    return payload.decode("utf-8", "replace").replace("\x00", "").replace("\\u0000", "")


async def list_parked(system: Database) -> list[dict[str, Any]]:
    """Every parked fact, oldest first, without its payload."""
    columns = [column for column in parked_event.c if column.name not in {"payload", "headers"}]
    async with system.session(None, read_only=True) as session:
        rows = await session.execute(select(*columns).order_by(parked_event.c.parked_at))
        return [{str(name): value for name, value in row.items()} for row in rows.mappings()]


async def count_parked(system: Database, consumer: str) -> int:
    """How many facts wait for a person."""
    async with system.session(None, read_only=True) as session:
        counted = select(func.count()).select_from(parked_event).where(parked_event.c.consumer == consumer)
        return int(await session.scalar(counted) or 0)


async def replay(source: Source, system: Database, consumer: str, handlers: Handlers, event_id: UUID) -> bool:
    """Handle a parked fact again and forget it when that works; False when there is no such fact."""
    async with system.session(None, read_only=True) as session:
        wanted = select(parked_event).where(
            parked_event.c.consumer == consumer, parked_event.c.event_id == event_id
        )
        row = (await session.execute(wanted)).one_or_none()
    if row is None:
        return False
    await receive(source, consumer, handlers, received(orjson.dumps(row.payload), row.headers))
    async with source.database.session(row.org_id) as session:
        await session.execute(
            delete(parked_event).where(
                parked_event.c.org_id == row.org_id,
                parked_event.c.consumer == consumer,
                parked_event.c.event_id == event_id,
            )
        )
        await session.commit()
    return True
