"""Facts of tests: put into the outbox, and read back from the broker."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson

from chassis.auth import system_actor
from chassis.bus import STREAM, Bus
from chassis.clock import utc_now
from chassis.ids import new_id
from chassis.relay import Relay
from chassis.testing.stand import Stand
from chassis.tx import Fact
from execos.sales.v1.events_pb2 import CompanyCreated
from execos.sales.v1.snapshots_pb2 import CompanySnapshot


@dataclass(frozen=True)
class Stored:
    """A fact as the broker keeps it."""

    type: str
    org_id: UUID
    aggregate_id: UUID
    version: int
    name: str
    headers: dict[str, str]
    subject: str


async def publish(
    stand: Stand,
    name: str,
    *,
    aggregate_id: UUID | None = None,
    version: int = 1,
    org_id: UUID | None = None,
    is_bulk: bool = False,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Commit one fact; `then` is what the source does after the commit."""
    source = replace(stand.runtime.source, on_facts=then)
    async with source.tx(system_actor(org_id or stand.org_id)) as tx:
        tx.is_bulk = is_bulk
        company = CompanySnapshot(name=name, version=version)
        tx.publish(Fact(CompanyCreated(company=company), aggregate_id or new_id(), version))


def relay_of(stand: Stand, bus: Bus) -> Relay:
    """A relay as the service has one."""
    return Relay(stand.runtime.system, bus, context=stand.service.name, clock=utc_now)


async def stored(bus: Bus, org_id: UUID) -> list[Stored]:
    """What the stream holds of an organisation, in the order of arrival; duplicates too."""
    context = await bus.jetstream()
    state = (await context.stream_info(STREAM)).state
    messages = [await context.get_msg(STREAM, seq) for seq in range(state.first_seq or 1, state.last_seq + 1)]
    return [each for message in messages if (each := _read(message)).org_id == org_id]


def _read(message: Any) -> Stored:
    headers = message.headers
    return Stored(
        type=headers["ce-type"],
        org_id=UUID(headers["org-id"]),
        aggregate_id=UUID(headers["ce-subject"]),
        version=int(headers["aggregate-version"]),
        name=orjson.loads(message.data).get("company", {}).get("name", ""),
        headers=headers,
        subject=message.subject,
    )
