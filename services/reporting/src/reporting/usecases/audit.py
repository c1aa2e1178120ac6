"""Writing the audit log: an entry at the end of the organisation's chain, a seal on its end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.tx import Source, Tx
from reporting.domain.audit import Check, Ends, Pruned, Purpose, canonical, kept_days, sign
from reporting.store import audit, audit_pruning

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
    signature = sign(key, Purpose.SEAL, head.org_id, head.seq, head.hash)
    seal = {
        "org_id": head.org_id,
        "seq": head.seq,
        "hash": head.hash,
        "sealed_at": tx.now,
        "signature": signature,
    }
    await audit.add_seal(tx.session, seal)


async def prune_chain(session: AsyncSession, key: str, org_id: UUID, days: int, now: datetime) -> Any:
    """Put a signed checkpoint in place of what was kept for long enough; the last entry that went, None without any.

    A batch at a time: there may be more. It takes the system role, since the application cannot delete.
    """
    before = now - timedelta(days=kept_days(days))
    last = await audit_pruning.find_last(session, org_id, before, audit.BATCH)
    if last is not None:
        signature = sign(key, Purpose.CHECKPOINT, org_id, last.seq, last.hash)
        checkpoint = {"org_id": org_id, **last._asdict(), "pruned_at": now, "signature": signature}
        await audit_pruning.replace(session, checkpoint)
    return last


async def check_chain(source: Source, actor: Actor, key: str | None) -> dict[str, Any]:
    """Walk along an organisation's chain; once more when its beginning was pruned meanwhile."""
    ends, now = await _read_ends(source, actor)
    while (check := await _walk(source, actor, ends, key)).broken_at is not None:
        later, now = await _read_ends(source, actor)
        if later.pruned == ends.pruned:
            break
        ends = later
    return {
        "ok": check.broken_at is None,
        "checked": check.checked,
        "first_seq": ends.pruned.seq + 1 if ends.last_seq else None,
        "last_seq": ends.last_seq or None,
        "broken_at": check.broken_at,
        "head": ends.hash.hex() if ends.seq else None,
        "sealed_seq": ends.sealed_seq or None,
        "checkpoint": _checkpoint(ends.pruned),
        "as_of": now,
    }


async def _read_ends(source: Source, actor: Actor) -> tuple[Ends, datetime]:
    async with source.reading(actor) as reading:
        return await audit.read_ends(reading, actor.org_id), reading.now


async def _walk(source: Source, actor: Actor, ends: Ends, key: str | None) -> Check:
    """Each batch is read in a short transaction of its own."""
    check = Check(actor.org_id, ends, key)
    after, is_more = BEFORE_ALL, True
    while is_more and check.broken_at is None:
        async with source.reading(actor) as reading:
            batch = await audit.next_links(reading, actor.org_id, after, ends.seq)
        check.walk(batch)
        is_more = len(batch) == audit.BATCH
        after = batch[-1].seq if batch else after
    check.finish()
    return check


def _checkpoint(pruned: Pruned) -> dict[str, Any] | None:
    if pruned.at is None:
        return None
    return {
        "first_seq": 1,
        "last_seq": pruned.seq,
        "count": pruned.seq,
        "last_hash": pruned.hash.hex(),
        "at": pruned.at,
    }
