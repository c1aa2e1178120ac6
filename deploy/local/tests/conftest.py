"""A platform for tests: real PostgreSQL, NATS, Envoy and mail catcher, and six services of ten lines each."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from local.ports import CONTEXTS, Ports, PortTaken, check_free, free_port
from local.settings import REPOSITORY

_SERVICE = """
import http.server, os, socketserver, sys
name = __spec__.name.partition(".")[0]
fault = os.environ.get("TMPDIR", "") + "/fault-" + name
if os.path.exists(fault):
    sys.exit(open(fault).read())
if sys.argv[1] != "serve":
    sys.exit(0)
class Doors(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = {jwks!r} if "jwks" in self.path else b"{{}}"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
host, _, port = os.environ[name.upper() + "_HTTP_ADDRESS"].partition(":")
Server((host, int(port)), Doors).serve_forever()
"""


@dataclass
class Stand:
    """A place to run platforms in, one at a time."""

    folder: Path
    ports: Ports

    @property
    def environment(self) -> dict[str, str]:
        """What `python -m local` is called with."""
        paths = [str(self.folder / "services"), os.environ.get("PYTHONPATH", "")]
        return os.environ | {
            "EXECOS_DATA_DIR": str(self.folder / "data"),
            "EXECOS_PORT_OFFSET": str(self.ports.offset),
            "EXECOS_SEED": "off",
            "PYTHONPATH": ":".join(filter(None, paths)),
            "TMPDIR": str(self.folder),
        }

    def local(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """One command to its end."""
        command = [sys.executable, "-m", "local", *arguments]
        return subprocess.run(
            command,
            env=self.environment | environment,
            cwd=REPOSITORY,
            timeout=60,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def foreground(self, *arguments: str) -> "subprocess.Popen[str]":
        """`up` in the foreground."""
        command = [sys.executable, "-m", "local", "up", *arguments]
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    @property
    def run(self) -> dict[str, Any]:
        """run.json as it is now."""
        content: dict[str, Any] = json.loads((self.folder / "data" / "run.json").read_text())
        return content

    def pids(self) -> dict[str, int]:
        """The pid of each process."""
        return {process["name"]: process["pid"] for process in self.run["processes"]}

    def fault(self, service: str, message: str | None) -> None:
        """Let a service end with a message instead of starting, or heal it."""
        path = self.folder / f"fault-{service}"
        if message:
            path.write_text(message)
        else:
            path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("platform")
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32)).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "test", "x": x, "y": y}
    for context in CONTEXTS:
        package = folder / "services" / context
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(_SERVICE.format(jwks=json.dumps({"keys": [key]}).encode()))
    stand = Stand(folder, _free_ports())
    yield stand
    if (folder / "data" / "lock").exists():
        stand.local("down")


def _free_ports() -> Ports:
    deadline = time.monotonic() + 10
    while True:
        ports = Ports.with_offset(1000 + free_port() % 13_000)
        try:
            check_free(ports)
        except PortTaken:
            assert time.monotonic() < deadline
        else:
            return ports
