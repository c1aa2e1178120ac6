"""Revocation: facts that end sessions or raise a membership's version, into every process's deny list."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from chassis.auth import DenyList
from chassis.bus import SUBJECT_PREFIX, Bus
from chassis.inbox import Received, received
from chassis.pull import pulling

log = structlog.get_logger()

TOKEN_LIFETIME = timedelta(minutes=11)
PAUSE_SECONDS = 1.0
INACTIVE_SECONDS = 60

Revokes = Mapping[str, Callable[[DenyList, Received, float], None]]
"""Fact type to what it does to the deny list; the last argument is until when a token may still live."""


async def follow(bus: Bus, deny_list: DenyList, revokes: Revokes) -> None:
    """Feed the deny list until cancelled, starting one token lifetime back (ephemeral, ordered)."""
    while True:
        try:
            await _follow_once(bus, deny_list, revokes)
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on
            log.warning("revocation.paused", error=repr(error))
            bus.forget_stream()
            await asyncio.sleep(PAUSE_SECONDS)


async def _follow_once(bus: Bus, deny_list: DenyList, revokes: Revokes) -> None:
    # Whenever the connection was lost it begins one token lifetime back again: every effect may happen twice.
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=datetime.now(UTC) - TOKEN_LIFETIME,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=INACTIVE_SECONDS,
        mem_storage=True,
        num_replicas=1,
        filter_subjects=sorted(SUBJECT_PREFIX + fact_type for fact_type in revokes),
    )
    async with pulling(bus, config) as pull:
        while True:
            for message in await pull.next():
                _apply(message, deny_list, revokes)
            deny_list.forget(time.time())


def _apply(message: Msg, deny_list: DenyList, revokes: Revokes) -> None:
    try:
        fact = received(message.data, message.headers or {})
        revokes[fact.type](deny_list, fact, fact.at.timestamp() + TOKEN_LIFETIME.total_seconds())
    except (LookupError, ValueError):
        log.exception("revocation.not_a_fact", subject=message.subject)
