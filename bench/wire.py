"""HTTP/1.1 on raw sockets, keep-alive, one request at a time: as little as a load generator can cost."""

import asyncio
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import orjson

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"

OnAnswer = Callable[["Connection", int, bytes], None]


def request(
    method: str, path: str, *, host: str, token: str = "", body: Any = None, key: str = "", cookie: str = ""
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Idempotency-Key: {key}"] if key else []
    lines += [f"Cookie: {cookie}"] if cookie else []
    content = b"" if body is None else orjson.dumps(body)
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def trust(ca: Path) -> ssl.SSLContext:
    """TLS that believes only our own authority."""
    return ssl.create_default_context(cafile=ca)


class Connection(asyncio.Protocol):
    """One connection; `on_answer` is called with each complete answer."""

    def __init__(self, on_answer: OnAnswer) -> None:
        self._on_answer = on_answer
        self._received = b""
        self.head = b""
        """The status line and headers of the last answer."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is complete."""
        self._received += data
        end = self._received.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(self._received, 0, end)
        size = end + len(_END) + (int(length[1]) if length else 0)
        if len(self._received) < size:
            return
        status, body = int(self._received[9:12]), self._received[end + len(_END) : size]
        self.head = self._received[:end]
        self._received = self._received[size:]
        self._on_answer(self, status, body)

    def connection_lost(self, error: Exception | None) -> None:
        """An answer that never comes is a failure."""
        self._transport = None
        if error is not None:
            self._on_answer(self, 0, repr(error).encode())

    def send(self, content: bytes) -> None:
        """Send a request; nothing while the last one is unanswered."""
        if self._transport is None:
            raise ConnectionError("the server has closed the connection")
        self._transport.write(content)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int, on_answer: OnAnswer, tls: ssl.SSLContext | None = None) -> Connection:
    """A connection to a port of this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(on_answer),
        "127.0.0.1",
        port,
        ssl=tls,
        server_hostname="localhost" if tls else None,
    )
    return connection


class Desk:
    """A pool of connections for awaiting answers."""

    def __init__(self, connections: list[Connection], waiting: dict[Connection, asyncio.Future[Any]]) -> None:
        self._all = connections
        self._waiting = waiting
        self._idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._idle.put_nowait(connection)

    @classmethod
    async def open(cls, port: int, *, size: int, tls: ssl.SSLContext | None = None) -> "Desk":
        """`size` connections."""
        waiting: dict[Connection, asyncio.Future[Any]] = {}

        def settle(connection: Connection, status: int, body: bytes) -> None:
            future = waiting.pop(connection, None)
            if future is not None and not future.done():
                future.set_result((status, body))

        return cls([await connect(port, settle, tls) for _ in range(size)], waiting)

    async def ask(self, content: bytes) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        connection = await self._idle.get()
        try:
            answer = self._waiting[connection] = asyncio.get_running_loop().create_future()
            connection.send(content)
            status, body = await answer
        finally:
            self._idle.put_nowait(connection)
        return status, orjson.loads(body) if body else None

    def close(self) -> None:
        """Close every connection."""
        for connection in self._all:
            connection.close()
