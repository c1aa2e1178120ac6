"""Writing the audit log: an entry at the end of the organisation's chain, a seal on its end."""

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from chassis.auth import Actor
from chassis.tx import Source, Tx
from reporting.domain.audit import Check, canonical, sign
from reporting.store import audit

BEFORE_ALL = -(2**62)
"""Before every place of a chain, also before one that somebody made up."""


class Person(NamedTuple):
    """Who acted, as they were at that moment."""

    id: UUID | None
    name: str
    email: str | None
    kind: str


class Origin(NamedTuple):
    """Who told it, and in which request of whom it happened."""

    event_id: UUID
    context: str
    actor: Person
    request_id: str | None
    ip: str | None
    user_agent: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What the audit log is told."""

    id: UUID
    entity_type: str
    entity_id: UUID | None
    action: str
    before: str | None
    after: str | None
    origin: Origin


async def append_entry(tx: Tx, told: Happening) -> None:
    """Add what happened at the end of the chain, in the order of arrival."""
    org_id = tx.actor.org_id
    origin = told.origin
    entry: dict[str, Any] = {
        "org_id": org_id,
        "id": told.id,
        "event_id": origin.event_id,
        "context": origin.context,
        "entity_type": told.entity_type,
        "entity_id": told.entity_id,
        "action": told.action,
        **{f"actor_{name}": value for name, value in origin.actor._asdict().items()},
        "before": told.before,
        "after": told.after,
        "request_id": origin.request_id,
        "ip": origin.ip,
        "user_agent": origin.user_agent,
        "at": origin.at,
        "recorded_at": tx.now,
    }
    await audit.append(tx.session, entry, canonical(SimpleNamespace(**entry)))


async def seal_chain(tx: Tx, key: str, head: Any) -> None:
    """Sign the end of a chain, so that nobody with the database alone can make another one that ends there."""
    signature = sign(key, head.org_id, head.seq, head.hash)
    seal = {
        "org_id": head.org_id,
        "seq": head.seq,
        "hash": head.hash,
        "sealed_at": tx.now,
        "signature": signature,
    }
    await audit.add_seal(tx.session, seal)


async def check_chain(source: Source, actor: Actor, key: str | None) -> dict[str, Any]:
    """Walk along an organisation's chain, each batch read in a short transaction of its own."""
    org_id = actor.org_id
    async with source.reading(actor) as reading:
        end, now = await audit.read_end(reading, org_id), reading.now
    check = Check(org_id, end, key)
    after, is_more = BEFORE_ALL, True
    while is_more and check.broken_at is None:
        async with source.reading(actor) as reading:
            batch = await audit.next_links(reading, org_id, after, end.seq)
        check.walk(batch)
        is_more = len(batch) == audit.BATCH
        after = batch[-1].seq if batch else after
    check.finish()
    return {
        "ok": check.broken_at is None,
        "checked": check.checked,
        "first_seq": 1 if end.last_seq else None,
        "last_seq": end.last_seq or None,
        "broken_at": check.broken_at,
        "head": end.hash.hex() if end.seq else None,
        "sealed_seq": end.sealed_seq or None,
        "as_of": now,
    }
