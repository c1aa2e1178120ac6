"""The embedded platform as the journeys use it: started once, killed in parts, stopped without a trace."""

import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from local import run_file
from local.layout import Lock
from local.ports import Ports, PortTaken, check_free
from local.settings import REPOSITORY

HEAL_SECONDS = 10.0
START_SECONDS = 150
FIRST_OFFSET = 5000

Found = TypeVar("Found")

# Whether the certificate is good is another test's question, and asked there.
_ANYBODY = ssl.create_default_context()
_ANYBODY.check_hostname = False
_ANYBODY.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True)
class Stage:
    """One platform with a data directory and ports of its own."""

    root: Path
    ports: Ports
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of its own, the same at every start."""

    @classmethod
    def at(cls, name: str, *, first_offset: int = FIRST_OFFSET, **settings: str) -> "Stage":
        """In `.data/<name>`, on the ports it runs on already, else on the first free ones."""
        root = REPOSITORY / ".data" / name
        running = run_file.read(root / "run.json")
        if running is not None and Lock(root).holder() is not None:
            plain = Ports().gateway_https
            ports = Ports.with_offset(int(running["gateway"]["https"].rpartition(":")[2]) - plain)
            return cls(root, ports, settings)
        return cls(root, _free_ports(first_offset), settings)

    def local(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """`python -m local …` for this platform, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "local", *arguments],
            env=self._environment() | environment,
            cwd=REPOSITORY,
            timeout=START_SECONDS,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def up(self) -> str:
        """Start, unless it runs; what it said."""
        done = self.local("up", "--detach", "--profile", "test")
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    def reset(self) -> None:
        """Stop, and leave nothing."""
        done = self.local("reset")
        if done.returncode:
            raise AssertionError(done.stdout)

    @property
    def is_up(self) -> bool:
        """Whether somebody runs it."""
        return Lock(self.root).holder() is not None

    @property
    def run(self) -> dict[str, Any]:
        """`run.json` as it is now."""
        content = run_file.read(self.root / "run.json")
        if content is None:
            raise AssertionError("run.json is gone: the platform is not running")
        return content

    @property
    def url(self) -> str:
        """The gateway, by a name that needs no look-up."""
        return f"https://127.0.0.1:{self.ports.gateway_https}"

    def mails(self, address: str) -> list[dict[str, Any]]:
        """What the mail catcher has for an address, newest first."""
        catcher = self.run["mail"]["http"].replace("localhost", "127.0.0.1")
        found: list[dict[str, Any]] = httpx2.get(f"{catcher}/api/messages", params={"to": address}).json()
        return found

    def process(self, name: str) -> dict[str, Any]:
        """The entry of a process in `run.json`."""
        entries: list[dict[str, Any]] = self.run["processes"]
        return next(entry for entry in entries if entry["name"] == name)

    def pids(self) -> dict[str, int]:
        """The pid of each process."""
        return {entry["name"]: entry["pid"] for entry in self.run["processes"]}

    def kill(self, name: str) -> int:
        """SIGKILL to a process; its pid."""
        pid = int(self.process(name)["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def health(self) -> str:
        """What `/ready` says: healthy, degraded, down, or nothing where nobody answers."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.ports.gateway_https, timeout=3, context=_ANYBODY
        )
        try:
            connection.request("GET", "/ready")
            return str(json.loads(connection.getresponse().read()).get("status", ""))
        except (OSError, http.client.HTTPException, ValueError):
            return ""
        finally:
            connection.close()

    def is_whole(self) -> bool:
        """Whether everybody is healthy and the gateway knows it: it asks whoever was ill once a second."""
        try:
            known = httpx2.get(f"http://127.0.0.1:{self.ports.gateway_admin}/clusters", timeout=3).text
        except httpx2.HTTPError:
            return False
        return "/failed_active_hc" not in known and self.health() == "healthy"

    def healed(self, name: str, killed: int, *, within: float = HEAL_SECONDS) -> float:
        """Wait until a killed process is replaced and the platform healthy; the seconds it took."""
        began = time.monotonic()
        eventually(lambda: self.process(name)["pid"] not in (None, killed), f"a new {name}", seconds=within)
        left = within - (time.monotonic() - began)
        what = f"health after {name} was killed"
        eventually(self.is_whole, what, seconds=left, pause=0.2)
        return time.monotonic() - began

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "EXECOS_DATA_DIR": str(self.root),
            "EXECOS_PORT_OFFSET": str(self.ports.offset),
            "EXECOS_SEED": "on",
            "EXECOS_ENV": "development",
            **self.settings,
        }


def eventually(
    look: Callable[[], Found | None], what: str, *, seconds: float = HEAL_SECONDS, pause: float = 0.05
) -> Found:
    """The first true thing that `look` finds; AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.1f} s")
        time.sleep(pause)


def _free_ports(first: int) -> Ports:
    for offset in range(first, first + 2000, 100):
        ports = Ports.with_offset(offset)
        with contextlib.suppress(PortTaken):
            check_free(ports)
            return ports
    raise AssertionError(f"no free ports from offset {first}")
