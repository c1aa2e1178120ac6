"""A broker that a test may kill and start again."""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.lifeline import die_with_parent
from local.nats import Server
from local.ports import free_port


class Broker:
    """A JetStream server in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder, free_port(), free_port())
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.server.url

    async def start(self) -> None:
        self._running = self._launch()
        deadline = time.monotonic() + 10
        while not self.server.is_healthy():
            assert time.monotonic() < deadline, "NATS did not start"
            await asyncio.sleep(0.02)

    def _launch(self) -> "subprocess.Popen[bytes]":
        self.server.write_configuration()
        return subprocess.Popen(
            self.server.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - nothing but prctl runs there
        )

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait(timeout=10)
            self._running = None


@contextmanager
def own_broker() -> Iterator[Broker]:
    """A broker that is not running yet; killed and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="execos-nats-") as folder:
        broker = Broker(Path(folder) / "nats")
        try:
            yield broker
        finally:
            broker.kill()
