"""Pulling facts: one outstanding request to the broker, whose messages are handed out the moment they arrive.

nats-py's own `fetch` waits for a full batch until its time is over, so that a lone fact would be late by seconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import TimeoutError as Silence
from nats.js.api import ConsumerConfig

from chassis.bus import STREAM, Bus, BusErrors

BATCH = 64
EXPIRES_SECONDS = 30.0
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 3.0

HEARTBEAT = "100"
REQUEST_IS_OVER = frozenset({"404", "408"})


class Pull:
    """The messages of one consumer, as they come."""

    def __init__(self, client: Client, inbox: Subscription, consumer: str) -> None:
        self._client = client
        self._inbox = inbox
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"
        self._owed = 0

    async def next(self) -> list[Msg]:
        """What has arrived, at once; nothing after a second of peace. ConnectionError when the broker is gone."""
        if self._owed == 0:
            await self._request()
        messages: list[Msg] = []
        while True:
            try:
                message = await self._inbox.next_msg(timeout=SILENCE_SECONDS)
            except Silence:
                raise ConnectionError("the broker has fallen silent") from None
            status = (message.headers or {}).get("Status")
            if status is None:
                self._owed -= 1
                messages.append(message)
            elif status in REQUEST_IS_OVER:
                self._owed = 0
            elif status != HEARTBEAT:
                raise ConnectionError(
                    f"the broker refuses: {status} {(message.headers or {}).get('Description')}"
                )
            if self._inbox.pending_msgs == 0 or self._owed == 0:
                return messages

    async def give_back(self) -> None:
        """Let the broker deliver at once to the next consumer what was not handed out here."""
        while self._inbox.pending_msgs:
            message = await self._inbox.next_msg()
            if (message.headers or {}).get("Status") is None:
                await message.nak()

    async def _request(self) -> None:
        wanted = {
            "batch": BATCH,
            "expires": int(EXPIRES_SECONDS * 1e9),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
        }
        await self._client.publish(self._subject, orjson.dumps(wanted), self._inbox.subject)
        self._owed = BATCH


@asynccontextmanager
async def pulling(bus: Bus, config: ConsumerConfig) -> AsyncIterator[Pull]:
    """Make (or change) the consumer and pull from it."""
    client, context = await bus.client(), await bus.jetstream()
    consumer = await context.add_consumer(STREAM, config)
    inbox = await client.subscribe(client.new_inbox())
    pull = Pull(client, inbox, str(consumer.name))
    try:
        yield pull
    finally:
        with contextlib.suppress(*BusErrors):
            await inbox.unsubscribe()
            await pull.give_back()
