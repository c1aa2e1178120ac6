"""Facts that every process must know at once: what ends tokens, and what organisations demand at the doors."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from chassis.bus import SUBJECT_PREFIX, Bus
from chassis.inbox import Received, received
from chassis.pull import pulling
from chassis.runtime import Runtime

log = structlog.get_logger()

TOKEN_LIFETIME = timedelta(minutes=11)
PAUSE_SECONDS = 1.0
INACTIVE_SECONDS = 60

Watch = Callable[[Runtime, Received, float], None]
"""What a fact changes in this process; the last argument is until when a token made before it may still live."""
Watches = Mapping[str, Watch]


async def follow(bus: Bus, runtime: Runtime, watches: Watches) -> None:
    """Hand facts of these types on until cancelled, starting one token lifetime back (ephemeral, ordered)."""
    while True:
        try:
            await _follow_once(bus, runtime, watches)
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on
            log.warning("watches.paused", error=repr(error))
            bus.forget_stream()
            await asyncio.sleep(PAUSE_SECONDS)


async def _follow_once(bus: Bus, runtime: Runtime, watches: Watches) -> None:
    # Whenever the connection was lost it begins one token lifetime back again: every effect may happen twice.
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=datetime.now(UTC) - TOKEN_LIFETIME,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=INACTIVE_SECONDS,
        mem_storage=True,
        num_replicas=1,
        filter_subjects=sorted(SUBJECT_PREFIX + fact_type for fact_type in watches),
    )
    async with pulling(bus, config) as pull:
        while True:
            for message in await pull.next():
                _apply(message, runtime, watches)
            runtime.verifier.deny_list.forget(time.time())


def _apply(message: Msg, runtime: Runtime, watches: Watches) -> None:
    try:
        fact = received(message.data, message.headers or {})
        watches[fact.type](runtime, fact, fact.at.timestamp() + TOKEN_LIFETIME.total_seconds())
    except (LookupError, ValueError):
        log.exception("watches.not_a_fact", subject=message.subject)
