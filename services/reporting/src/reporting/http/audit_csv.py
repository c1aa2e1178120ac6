"""The audit log as a CSV file: streamed batch by batch, each read in a short transaction of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, Self

from chassis.auth import Actor
from chassis.cells import lines
from chassis.tx import Source
from reporting.http.ranges import MAX_DAYS, check_order, day_of
from reporting.store import audit as store

COLUMNS = {
    "seq": "seq",
    "createdAt": "at",
    "actorUserId": "actor_id",
    "actorName": "actor_name",
    "actorEmail": "actor_email",
    "actorKind": "actor_kind",
    "action": "action",
    "entityType": "entity_type",
    "entityId": "entity_id",
    "before": "before",
    "after": "after",
    "requestId": "request_id",
    "ip": "ip",
    "userAgent": "user_agent",
    "hash": "hash",
}


class Range(NamedTuple):
    """From when to when, both included; each an instant or a day of the organisation's zone."""

    first: date | None
    last: date | None

    def bounded(self, now: datetime) -> Self:
        """With an end (now) and a beginning (366 days before it); Invalid when it is longer than that."""
        last = self.last or now
        first = self.first or last - timedelta(days=MAX_DAYS)
        check_order(first, last, max_days=MAX_DAYS)
        return self._replace(first=first, last=last)

    def filters(self) -> dict[str, Any]:
        """By the names of the store's filters, None where one does not apply."""
        return {
            name: value
            for side, moment in (("from", self.first), ("to", self.last))
            for name, value in (
                (f"{side}_instant", moment if isinstance(moment, datetime) else None),
                (f"{side}_day", None if isinstance(moment, datetime) else moment),
            )
        }


def file_name(chosen: Range) -> str:
    """What a browser calls the file; for a range with both ends."""
    days = [day_of(moment).isoformat() for moment in chosen if moment is not None]
    return f"audit-{'-'.join(days)}.csv"


async def stream(
    source: Source, actor: Actor, filters: Mapping[str, Any], batch: Sequence[Any]
) -> AsyncIterator[bytes]:
    """The lines from the first batch on; a slow reader keeps no transaction open."""
    yield lines([list(COLUMNS)])
    while batch:
        yield lines([[_text(getattr(entry, name)) for name in COLUMNS.values()] for entry in batch])
        if len(batch) < store.BATCH:
            return
        async with source.reading(actor) as reading:
            batch = await store.next_entries(reading, actor.org_id, batch[-1].seq, filters)


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.hex() if isinstance(value, bytes) else value
