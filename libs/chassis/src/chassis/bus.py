"""The broker: one connection that never gives up, and the one stream (design/events.md 1)."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import BadRequestError

log = structlog.get_logger()

STREAM = "EVENTS"
SUBJECT_PREFIX = "events."
MAX_MESSAGE_BYTES = 256 * 1024
PUBLISH_TIMEOUT_SECONDS = 2.0
COMPLAINT_SECONDS = 10.0


def stream_config(replicas: int) -> StreamConfig:
    """The stream of all facts: files, 14 days, new messages refused when full."""
    return StreamConfig(
        name=STREAM,
        subjects=[SUBJECT_PREFIX + ">"],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        max_age=timedelta(days=14).total_seconds(),
        duplicate_window=timedelta(minutes=10).total_seconds(),
        max_msg_size=MAX_MESSAGE_BYTES,
        num_replicas=replicas,
    )


class Bus:
    """A connection to the broker that reconnects for ever."""

    def __init__(self, url: str, *, name: str, replicas: int = 1) -> None:
        self._url = url
        self._name = name
        self._replicas = replicas
        self._client: Client | None = None
        self._has_stream = False
        self._is_closing = False
        self._connecting = asyncio.Lock()
        self._complaint = ""
        self._complained_at = float("-inf")

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reachable now."""
        return self._client is not None and self._client.is_connected

    async def client(self) -> Client:
        """The connected client, waiting for the broker as long as it takes; ConnectionError when it went away since."""
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
        if not self._client.is_connected:
            raise ConnectionError("the broker is away")
        return self._client

    async def jetstream(self) -> JetStreamContext:
        """JetStream with the stream in place; NatsError, OSError or TimeoutError while the broker is away."""
        context = (await self.client()).jetstream(timeout=PUBLISH_TIMEOUT_SECONDS)
        if not self._has_stream:
            await self._ensure_stream(context)
            self._has_stream = True
        return context

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Publish and await the acknowledgement; raises when the broker did not store it."""
        context = await self.jetstream()
        await context.publish(
            subject, payload, headers=dict(headers), timeout=PUBLISH_TIMEOUT_SECONDS, stream=STREAM
        )

    def forget_stream(self) -> None:
        """Look for the stream again next time: the broker may have lost its disk."""
        self._has_stream = False

    async def close(self) -> None:
        """Close the connection for good."""
        self._is_closing = True
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> Client:
        client = Client()
        try:
            await client.connect(**self._options())
        except BaseException:  # cancelled half-way it would keep its socket
            await client.close()
            raise
        return client

    def _options(self) -> dict[str, Any]:
        return {
            "servers": self._url,
            "name": self._name,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.25,
            "ping_interval": 10,
            "connect_timeout": 2,
            "allow_reconnect": True,
            "error_cb": self._on_error,
            "closed_cb": self._on_closed,
        }

    async def _ensure_stream(self, context: JetStreamContext) -> None:
        config = stream_config(self._replicas)
        try:
            await context.add_stream(config)
        except BadRequestError:
            await context.update_stream(config)

    async def _on_error(self, error: Exception) -> None:
        # The client reports every attempt to connect; one line in ten seconds says as much.
        now = time.monotonic()
        if repr(error) != self._complaint or now - self._complained_at > COMPLAINT_SECONDS:
            self._complaint, self._complained_at = repr(error), now
            log.warning("bus.error", error=repr(error))

    async def _on_closed(self) -> None:
        if self._is_closing or self._client is None:
            return
        # The client gave up although it should not: let the supervisor start a fresh process.
        log.error("bus.closed")
        os.kill(os.getpid(), signal.SIGTERM)


BusErrors = (NatsError, OSError, TimeoutError)
"""What a broker that is away raises."""
