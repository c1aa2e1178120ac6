"""Activity: who did what to an entity, with only the changed fields, written in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from pydantic.alias_generators import to_camel
from sqlalchemy import inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import instance_dict

from chassis.auth import Actor
from chassis.context import Work
from chassis.money import Money
from chassis.rows import Recorded
from execos.platform.v1.activity_pb2 import Actor as ActorMessage

UNRECORDED = frozenset({"org_id", "id", "version", "created_at", "updated_at"})
REDACTED = "[redacted]"

Values = dict[str, Any]


def changes_of(entity: Recorded) -> tuple[Values, Values]:
    """The changed fields of a stored row before and after, by API name, since it was loaded or last flushed."""
    before: Values = {}
    after: Values = {}
    state = inspect(entity, raiseerr=True)
    now = getattr(entity, "currency", None)
    then = next(iter(state.attrs["currency"].history.deleted or ()), now) if entity.amounts else None
    unmodified = state.unmodified
    for name, alias in _recorded(state.mapper):
        if name in unmodified:
            continue
        history = state.attrs[name].history
        if not history.has_changes() or not history.added:
            continue
        old, new = (history.deleted[0] if history.deleted else None), history.added[0]
        if old == new:
            continue
        before[alias] = _told(entity, name, old, then)
        after[alias] = _told(entity, name, new, now)
    return before, after


def values_of(entity: Recorded) -> Values:
    """The fields that a new row has, by API name."""
    held = instance_dict(entity)
    return {
        alias: _told(entity, name, held[name], held.get("currency"))
        for name, alias in _recorded(inspect(type(entity), raiseerr=True))
        if held.get(name) is not None
    }


@cache
def _recorded(mapper: Mapper[Any]) -> list[tuple[str, str]]:
    """The fields whose values are recorded, with their API names."""
    names = [each.key for each in mapper.column_attrs]
    amounts = mapper.class_.amounts
    return [(name, amounts.get(name) or to_camel(name)) for name in names if name not in UNRECORDED]


def _told(entity: Recorded, name: str, value: Any, currency: str | None) -> Any:
    """A value as the API says it: secrets never, minor units as an amount in the currency of that time."""
    if name in entity.redacted:
        return REDACTED
    if name in entity.amounts and currency is not None:
        return None if value is None else str(Money(value, currency))
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    return value


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an entity's history."""

    id: UUID
    entity: Recorded
    action: str
    actor: Actor
    before: Values | None
    after: Values | None
    work: Work
    at: datetime

    def row(self) -> dict[str, Any]:
        """As a row of the `activity` table."""
        return {
            "org_id": self.actor.org_id,
            "id": self.id,
            "entity_type": self.entity.entity_type,
            "entity_id": self.entity.id,
            "action": self.action,
            "actor": self.actor.snapshot(),
            "before": self.before or None,
            "after": self.after or None,
            "request_id": self.work.request_id,
            "at": self.at,
        }

    def payload(self) -> dict[str, Any]:
        """As the fact that feeds the audit log (spec/wire.md 9): the canonical JSON of its message.

        Written out, because every command has one and the general way costs more than the rest of the entry.
        """
        actor = self.actor
        return {
            "id": str(self.id),
            "entityType": self.entity.entity_type,
            "entityId": str(self.entity.id),
            "action": self.action,
            "actor": {
                "id": str(actor.id) if actor.id else "",
                "name": actor.name,
                "email": actor.email or "",
                "kind": actor.kind.value,
            },
            "beforeJson": orjson.dumps(self.before or None).decode(),
            "afterJson": orjson.dumps(self.after or None).decode(),
            "requestId": self.work.request_id,
            "at": _instant(self.at),
            "ip": self.work.ip or "",
            "userAgent": self.work.user_agent or "",
        }


def _instant(at: datetime) -> str:
    """As protobuf writes it: in UTC, with as many digits as it needs, three by three."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    whole, _, fraction = text.partition(".")
    digits = "" if fraction == "000000" else f".{fraction.removesuffix('000')}"
    return f"{whole}{digits}Z"


def actor_message(actor: Actor) -> ActorMessage:
    """Who it was, as facts say it; the system has no id and no address."""
    return ActorMessage(
        id=str(actor.id) if actor.id else "", name=actor.name, email=actor.email or "", kind=actor.kind.value
    )
