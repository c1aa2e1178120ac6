"""The load generator, a process of its own: orders as JSON lines on standard input, results on standard output."""

import asyncio
import base64
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import uvloop

from bench.figures import percentile
from bench.wire import Connection, connect, trust

CONNECTIONS = 16
UNIQUE = "@@unique@@@@"
"""Where a request has this, each one sent has another text of the same length."""
CHAINED = "@@chained@@"
"""Where a request has this, each connection sends its own text first and then what its last answer set as a cookie."""
_COOKIE = re.compile(rb"\r\nset-cookie: *[^=;]+=([^;]+)", re.IGNORECASE)


@dataclass
class Order:
    """What to send where, for how long."""

    port: int
    content: bytes
    seconds: float
    connections: int = CONNECTIONS
    ca: str = ""
    chains: Sequence[str] = ()

    def dumped(self) -> bytes:
        """As a line."""
        return orjson.dumps({**vars(self), "content": base64.b64encode(self.content).decode()}) + b"\n"


class Generator:
    """The other process, for as long as a `with` block lasts."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @classmethod
    @contextlib.contextmanager
    def started(cls) -> Iterator["Generator"]:
        """Started, and ended with the block."""
        with subprocess.Popen(
            [sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            try:
                yield cls(process)
            finally:
                process.kill()

    def run(self, order: Order) -> dict[str, Any]:
        """The result of an order: requests, failures, sample, seconds, p50_ms, p95_ms, p99_ms."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the generator has no pipes")
        self._process.stdin.write(order.dumped())
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator has ended")
        result: dict[str, Any] = orjson.loads(line)
        return result


class Burst:
    """One order being carried out."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._parts = base64.b64decode(order["content"]).split(UNIQUE.encode())
        self._chains: list[str] = list(order["chains"])
        self._chain: dict[Connection, bytes] = {}
        self._run = uuid4().hex[:5]
        self._sent = 0
        self._seconds = float(order["seconds"])
        self._deadline = 0.0
        self._started: dict[Connection, float] = {}
        self._latencies: list[float] = []
        self._failures = 0
        self._sample = ""
        self._active = 0
        self._over = asyncio.Event()

    async def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send on every connection until the time is over; the result."""
        tls = trust(Path(order["ca"])) if order["ca"] else None
        connections = [
            await connect(int(order["port"]), self._on_answer, tls) for _ in range(int(order["connections"]))
        ]
        began = time.perf_counter()
        self._deadline = began + self._seconds
        self._active = len(connections)
        self._chain = {each: text.encode() for each, text in zip(connections, self._chains, strict=False)}
        for connection in connections:
            self._send(connection)
        await asyncio.wait_for(self._over.wait(), self._seconds + 30)
        seconds = time.perf_counter() - began
        for connection in connections:
            connection.close()
        return {
            "requests": len(self._latencies),
            "failures": self._failures,
            "sample": self._sample,
            "seconds": seconds,
            "p50_ms": percentile(self._latencies or [0.0], 0.5) * 1000,
            "p95_ms": percentile(self._latencies or [0.0], 0.95) * 1000,
            "p99_ms": percentile(self._latencies or [0.0], 0.99) * 1000,
            "chains": [text.decode() for text in self._chain.values()],
        }

    def _send(self, connection: Connection) -> None:
        self._sent += 1
        unique = f"{self._run}{self._sent:07x}".encode()
        self._started[connection] = time.perf_counter()
        content = unique.join(self._parts)
        if self._chain:
            content = content.replace(CHAINED.encode(), self._chain[connection])
        connection.send(content)

    def _on_answer(self, connection: Connection, status: int, body: bytes) -> None:
        now = time.perf_counter()
        if status // 100 == 2:
            self._latencies.append(now - self._started[connection])
            found = _COOKIE.search(connection.head) if self._chain else None
            if found:
                self._chain[connection] = found[1]
        else:
            self._failures += 1
            self._sample = self._sample or f"{status} {body[:200].decode('utf-8', 'replace')}"
        if now < self._deadline and status:
            self._send(connection)
            return
        self._active -= 1
        if self._active == 0:
            self._over.set()


async def serve() -> None:
    """Carry out orders until the input ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        order = orjson.loads(line)
        result = await Burst(order).run(order)
        sys.stdout.buffer.write(orjson.dumps(result) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(serve())
