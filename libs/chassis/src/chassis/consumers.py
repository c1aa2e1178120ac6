"""The consumer loop: pull, settle once, acknowledge; park what cannot be settled (design/events.md 3)."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from chassis.bus import STREAM, SUBJECT_PREFIX, Bus
from chassis.database import Database
from chassis.errors import AppError, Kind, translate
from chassis.inbox import Handlers, Received, count_parked, park, receive, received
from chassis.logs import write_line
from chassis.metrics import consumer_lag, parked_events
from chassis.pull import pulling
from chassis.tx import Source

log = structlog.get_logger()

WORKERS = 4
MAX_ATTEMPTS = 6
RETRY_SECONDS = 0.25
MAX_ACK_PENDING = 256
# What a killed process had fetched comes again after this; a second delivery of what still runs waits for the first.
ACK_WAIT_SECONDS = 6
PAUSE_SECONDS = 1.0
MEASURE_SECONDS = 5.0


class Consumer:
    """One durable pull consumer of a service, over all facts it has handlers for."""

    def __init__(self, source: Source, system: Database, bus: Bus, handlers: Handlers) -> None:
        self.name = source.context
        self._source = source
        self._system = system
        self._bus = bus
        self._handlers = handlers
        self._workers = asyncio.Semaphore(WORKERS)
        self._measured_at = float("-inf")

    async def run(self) -> None:
        """Consume until cancelled; a lost broker or database only pauses."""
        while True:
            try:
                async with pulling(self._bus, self._config()) as pull:
                    while True:
                        await self._settle(await pull.next())
                        await self._measure()
            except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on
                log.warning("consumer.paused", consumer=self.name, error=repr(error))
                self._bus.forget_stream()
                await asyncio.sleep(PAUSE_SECONDS)

    def _config(self) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self.name,
            filter_subjects=sorted(SUBJECT_PREFIX + event_type for event_type in self._handlers),
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            max_ack_pending=MAX_ACK_PENDING,
        )

    async def _settle(self, messages: Sequence[Msg]) -> None:
        by_aggregate: dict[str, list[Msg]] = defaultdict(list)
        for message in messages:
            by_aggregate[(message.headers or {}).get("ce-subject", "")].append(message)
        outcomes = await asyncio.gather(*(self._settle_in_order(group) for group in by_aggregate.values()))
        reason = next((outcome for outcome in outcomes if outcome is not None), None)
        if reason is not None:  # what the broker has sent meanwhile stays in line
            log.warning("consumer.paused", consumer=self.name, error=reason)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _settle_in_order(self, messages: Sequence[Msg]) -> str | None:
        """Settle the facts of one aggregate; when we must pause, why, with the rest given back to the broker."""
        reason: str | None = None
        async with self._workers:
            for message in messages:
                if reason is None:
                    reason = await self._settle_one(message)
                if reason is not None:
                    await message.nak(delay=PAUSE_SECONDS)
        return reason

    async def _settle_one(self, message: Msg) -> str | None:
        """Act on a fact and acknowledge it, or say why it cannot even be parked now."""
        try:
            await self._act(message)
        except Exception as error:
            refused = translate(error, {})
            if refused is None or refused.kind is not Kind.UNAVAILABLE:
                raise
            return repr(error)
        return None

    async def _act(self, message: Msg) -> None:
        attempts = message.metadata.num_delivered or 1
        try:
            fact = received(message.data, message.headers or {})
        except (LookupError, ValueError) as error:
            await self._give_up(message, attempts, f"not a fact: {error!r}")
            return
        began = time.perf_counter()
        try:
            is_first = await receive(self._source, self.name, self._handlers, fact)
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way, other facts go on
            await self._on_failure(message, fact, error, attempts)
        else:
            write_line(
                self.name,
                "fact",
                type=fact.type,
                fact_id=fact.id,
                is_first=is_first,
                duration_ms=round((time.perf_counter() - began) * 1000, 2),
            )
            await message.ack()

    async def _on_failure(self, message: Msg, fact: Received, error: Exception, attempts: int) -> None:
        refused = translate(error, {})
        if refused is not None and refused.kind is Kind.UNAVAILABLE:
            raise error
        if isinstance(error, AppError):
            await self._give_up(message, attempts, f"{error.reason}: {error.message}")
        elif attempts >= MAX_ATTEMPTS:
            log.error("consumer.failed", consumer=self.name, type=fact.type, exc_info=error)
            await self._give_up(message, attempts, repr(error))
        else:
            log.warning(
                "consumer.retry", consumer=self.name, type=fact.type, attempts=attempts, error=repr(error)
            )
            await message.nak(delay=RETRY_SECONDS * 2.0**attempts)

    async def _give_up(self, message: Msg, attempts: int, reason: str) -> None:
        headers = message.headers or {}
        try:
            await park(self._source, self.name, message.data, headers, reason=reason, attempts=attempts)
            log.error("consumer.parked", consumer=self.name, type=headers.get("ce-type"), reason=reason)
        except (LookupError, ValueError):
            log.exception(
                "consumer.dropped", consumer=self.name, subject=message.subject
            )  # nobody's: no organisation
        await message.ack()

    async def _measure(self) -> None:
        if time.monotonic() - self._measured_at < MEASURE_SECONDS:
            return
        self._measured_at = time.monotonic()
        state = await (await self._bus.jetstream()).consumer_info(STREAM, self.name)
        consumer_lag.labels(self.name).set((state.num_pending or 0) + (state.num_ack_pending or 0))
        parked_events.labels(self.name).set(await count_parked(self._system, self.name))
