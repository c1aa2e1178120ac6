"""Facts in, all of them: the audit feed into the chain, every other one kept and applied to the read models."""

from datetime import UTC
from uuid import UUID

import orjson

from chassis.inbox import Handlers, Received
from chassis.tx import Tx
from clients.identity.copies import DELETION
from execos.platform.v1.activity_pb2 import Actor
from reporting.catalogue import domain_types, platform_types
from reporting.projections import rows_of
from reporting.store import models
from reporting.usecases.audit import Happening, Origin, Person, append_entry

MAX_IP, MAX_USER_AGENT = 64, 255


async def on_fact(tx: Tx, fact: Received) -> None:
    """A fact is kept for good, and what it tells of an aggregate is the aggregate's state unless a newer one is."""
    kept = {
        "org_id": fact.org_id,
        "event_id": fact.id,
        "type": fact.type,
        "aggregate_id": fact.aggregate_id,
        "aggregate_version": fact.version,
        "payload": fact.payload.decode(),
        "actor": fact.actor,
        "request_id": fact.request_id,
        "at": fact.at,
        "received_at": tx.now,
    }
    await models.add_fact(tx.session, kept, list(rows_of(fact.org_id, fact.id, fact.message)))


async def on_activity(tx: Tx, fact: Received) -> None:
    """What somebody did is a line of the audit log."""
    told = fact.message
    happening = Happening(
        id=UUID(told.id),
        entity_type=told.entity_type,
        entity_id=_id(told.entity_id),
        action=told.action,
        before=_json(told.before_json),
        after=_json(told.after_json),
        origin=_origin(fact),
    )
    await append_entry(tx, happening)


async def on_denial(tx: Tx, fact: Received) -> None:
    """What somebody was refused is a line of the audit log."""
    told = fact.message
    wanted = {"method": told.method, "path": told.path, "permission": told.permission, "role": told.role}
    happening = Happening(
        id=fact.id,
        entity_type="PERMISSION",
        entity_id=None,
        action="PERMISSION_DENIED",
        before=None,
        after=orjson.dumps(wanted).decode(),
        origin=_origin(fact),
    )
    await append_entry(tx, happening)


HANDLERS: Handlers = {
    **dict.fromkeys(domain_types(), on_fact),
    **dict.fromkeys(platform_types("activity.recorded"), on_activity),
    **dict.fromkeys(platform_types("permission.denied"), on_denial),
    **DELETION,
}


def _origin(fact: Received) -> Origin:
    told = fact.message
    return Origin(
        event_id=fact.id,
        context=fact.type.partition(".")[0],
        actor=_person(told.actor),
        request_id=told.request_id or None,
        # As a client may have sent them: what is too long is no reason to lose the entry.
        ip=told.ip[:MAX_IP] or None,
        user_agent=told.user_agent[:MAX_USER_AGENT] or None,
        at=told.at.ToDatetime(tzinfo=UTC),
    )


def _person(actor: Actor) -> Person:
    return Person(_id(actor.id), actor.name, actor.email or None, actor.kind)


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None


def _json(text: str) -> str | None:
    """The text of an object as it was told; None for null. ValueError when it is no JSON."""
    return text if text and orjson.loads(text) is not None else None
