"""The six services, played by one thread: each echoes what reached it, and fails on request."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

import h11

from gateway.routes import CONTEXTS, JWKS_PATH

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Received:
    """A request as a service saw it; headers as a list, because doubles matter."""

    context: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body_bytes: int

    def header(self, name: str) -> str | None:
        """The last value of a header, or None."""
        return dict(self.headers).get(name)


class Upstream:
    """Six listening sockets, on free ports unless `ports` says which.

    Requests steer the answer with headers: `x-test-delay` seconds, `x-test-close` (hang up without an answer),
    `x-test-status`, `x-test-header` (`name: value` to answer with).
    """

    def __init__(self, jwks: Callable[[], dict[str, Any]], ports: dict[str, int] | None = None) -> None:
        self.jwks = jwks
        self.requests: list[Received] = []
        self.attempts: dict[str, int] = dict.fromkeys(CONTEXTS, 0)
        self.unready: set[str] = set()
        # Under which host Envoy asked for readiness and for keys on its own account.
        self.own_hosts: dict[str, str | None] = {}
        self.addresses = {context: ("127.0.0.1", (ports or {}).get(context, 0)) for context in CONTEXTS}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: dict[str, asyncio.Server] = {}
        # The open connections, each with what it was last used for: `<context> <path>`.
        self._connections: dict[asyncio.Task[None], str] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        for context in CONTEXTS:
            self.listen(context)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            self._loop.call_soon_threadsafe(server.close)
        self._run(self._hang_up(list(self._connections)))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def listen(self, context: str) -> None:
        """Accept connections of a service, again on the port it had."""
        server = self._run(asyncio.start_server(self._serve(context), *self.addresses[context]))
        self._servers[context] = server
        self.addresses[context] = ("127.0.0.1", server.sockets[0].getsockname()[1])

    def refuse(self, context: str) -> None:
        """Refuse new connections of a service and end the idle ones; health checks keep theirs."""
        self._loop.call_soon_threadsafe(self._servers[context].close)
        used = [task for task, use in self._connections.items() if use.startswith(f"{context} ")]
        self._run(self._hang_up([task for task in used if not self._connections[task].endswith(" /readyz")]))

    @contextlib.contextmanager
    def refusing(self, context: str) -> Iterator[None]:
        """Refuse new connections of a service for a while."""
        self.refuse(context)
        try:
            yield
        finally:
            self.listen(context)

    def last(self) -> Received:
        """The newest request that is neither a health check nor a fetch of keys."""
        return self.requests[-1]

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _hang_up(self, connections: list[asyncio.Task[None]]) -> None:
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _serve(
        self, context: str
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = cast("asyncio.Task[None]", asyncio.current_task())
            self._connections[task] = f"{context} "
            try:
                await self._requests_of(context, reader, writer)
            except (ConnectionError, asyncio.CancelledError, h11.RemoteProtocolError):
                pass
            finally:
                del self._connections[task]
                writer.close()

        return connection

    async def _requests_of(
        self, context: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        wire = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while (received := await _read(wire, context, reader)) is not None:
            self._connections[task] = f"{context} {received.target}"
            answer = await self._answer(received)
            if answer is None:
                return
            status, headers, body = answer
            headers.append(("content-length", str(len(body))))
            writer.write(wire.send(h11.Response(status_code=status, headers=headers)) or b"")
            if received.method != "HEAD":
                writer.write(wire.send(h11.Data(data=body)) or b"")
            writer.write(wire.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            if wire.our_state is h11.MUST_CLOSE:
                return
            wire.start_next_cycle()

    async def _answer(self, received: Received) -> tuple[int, list[tuple[str, str]], bytes] | None:
        json_type = [("content-type", "application/json"), ("server", "uvicorn")]
        if received.header("x-envoy-external-address") is None:
            self.own_hosts[received.target] = received.header("host")
        if received.target == "/readyz":
            return 503 if received.context in self.unready else 200, json_type, b"{}"
        if received.target == JWKS_PATH:
            return 200, json_type, json.dumps(self.jwks()).encode()
        self.requests.append(received)
        self.attempts[received.context] += 1
        await asyncio.sleep(float(received.header("x-test-delay") or 0))
        if received.header("x-test-close"):
            return None
        extra = [_pair(value) for name, value in received.headers if name == "x-test-header"]
        echo = {
            "context": received.context,
            "method": received.method,
            "target": received.target,
            "headers": dict(received.headers),
        }
        return int(received.header("x-test-status") or 200), [*json_type, *extra], json.dumps(echo).encode()


def _pair(header: str) -> tuple[str, str]:
    name, _, value = header.partition(":")
    return name, value.strip()


async def _read(wire: h11.Connection, context: str, reader: asyncio.StreamReader) -> Received | None:
    """The next whole request, or None when the client is gone."""
    request: h11.Request | None = None
    body_bytes = 0
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            wire.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body_bytes += len(event.data)
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
            return Received(context, request.method.decode(), request.target.decode(), headers, body_bytes)
        else:
            return None


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
