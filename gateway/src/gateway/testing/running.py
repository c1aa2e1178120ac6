"""The real Envoy with a rendered configuration, for as long as a `with` block lasts."""

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.envoy import DRAIN_SECONDS, command
from gateway.render import write
from gateway.settings import GatewaySettings, load
from gateway.testing.tokens import ISSUER
from gateway.testing.upstream import free_port

IDENTITY_TOKEN = "0123456789abcdef" * 4
_PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    settings: GatewaySettings
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def https_port(self) -> int:
        """Where it serves TLS."""
        return self.settings.https_port

    @property
    def url(self) -> str:
        """Its address; the test certificate covers it."""
        return f"https://127.0.0.1:{self.https_port}"

    def admin(self, path: str, *, post: bool = False) -> str:
        """What the admin port answers."""
        url = f"http://127.0.0.1:{self.settings.admin_port}{path}"
        with urllib.request.urlopen(
            urllib.request.Request(url, method="POST" if post else "GET"), timeout=5
        ) as answer:
            return str(answer.read().decode())

    def counter(self, name: str) -> int:
        """One of Envoy's counters or gauges; 0 while it does not exist."""
        lines = self.admin(f"/stats?filter=^{name}$").splitlines()
        return int(lines[0].rpartition(": ")[2]) if lines else 0

    def log(self) -> str:
        """What it has printed so far; access log lines come in batches."""
        return (self.directory / "envoy.log").read_text()

    def log_line(self, request_id: str) -> dict[str, Any]:
        """The access log's line about a request, as soon as it is there."""
        wait_until(lambda: request_id in self.log(), "the access log tells of the request")
        line = next(line for line in self.log().splitlines() if request_id in line)
        entry: dict[str, Any] = json.loads(line)
        return entry


def wait_until(condition: Callable[[], bool], what: str, *, every_seconds: float = 0.05) -> None:
    """Returns when `condition` holds; raises TimeoutError after ten seconds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {_PATIENCE_SECONDS} s: {what}")
        time.sleep(every_seconds)


def settings_for(addresses: dict[str, tuple[str, int]], cert_dir: Path, **overrides: Any) -> GatewaySettings:
    """The local environment on free ports, in front of `addresses`."""
    defaults: dict[str, Any] = {
        "https_port": free_port(),
        "http_port": free_port(),
        "admin_port": free_port(),
        "upstreams": addresses,
        "identity_rpc": ("127.0.0.1", free_port()),
        "cert_dir": cert_dir,
        "issuer": ISSUER,
    }
    return load("local", **(defaults | overrides))


@contextlib.contextmanager
def running(
    settings: GatewaySettings, directory: Path, *, with_keys: bool = True, drain_seconds: int = DRAIN_SECONDS
) -> Iterator[Gateway]:
    """Starts Envoy, waits until it is ready (and has the signing keys), and ends it."""
    bootstrap = write(settings, directory, IDENTITY_TOKEN)
    with (
        (directory / "envoy.log").open("wb") as log,
        subprocess.Popen(
            command(bootstrap, drain_seconds=drain_seconds), stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        gateway = Gateway(settings, directory, process)
        try:
            _wait_until_ready(gateway, with_keys=with_keys)
            yield gateway
        finally:
            process.kill()


def _wait_until_ready(gateway: Gateway, *, with_keys: bool) -> None:
    def is_ready() -> bool:
        if gateway.process.poll() is not None:
            raise RuntimeError(f"Envoy ended:\n{gateway.log()}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            is_live = gateway.admin("/ready").strip() == "LIVE"
            return is_live and (
                not with_keys or gateway.counter("http.https.jwt_authn.jwks_fetch_success") > 0
            )
        return False

    wait_until(is_ready, "Envoy is ready")
