"""A PostgreSQL cluster that a test may stop and start again."""

import asyncio
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.lifeline import die_with_parent
from local.ports import free_port
from local.postgres import Cluster, environment


class Postgres:
    """A cluster in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder, free_port(), lambda _role: "test", is_durable=False)
        self.cluster.initialise()
        self._running: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._running = self._launch()
        deadline = time.monotonic() + 20
        while not self.cluster.is_ready():
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            await asyncio.sleep(0.03)

    def kill(self) -> None:
        if self._running is not None:
            with self.cluster.connect() as superuser:
                superuser.execute("CHECKPOINT")  # it does not sync by itself
            self._running.send_signal(signal.SIGQUIT)
            self._running.wait(timeout=20)
            self._running = None

    def _launch(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.cluster.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment(),
            preexec_fn=die_with_parent(signal.SIGQUIT),  # noqa: PLW1509 - nothing but prctl runs there
        )


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """A cluster that is not running yet; killed and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="execos-pg-") as folder:
        postgres = Postgres(Path(folder) / "cluster")
        try:
            yield postgres
        finally:
            postgres.kill()
