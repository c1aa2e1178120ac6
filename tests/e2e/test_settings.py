"""A wrong setting stops a service with one message that names every bad variable."""

import os
import subprocess
import sys

import pytest
from tests.e2e.stage import Stage

from local.ports import CONTEXTS


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_service_names_every_bad_variable_at_once_and_stops(context: str) -> None:
    prefix = context.upper()
    bad = {
        f"{prefix}_HTTP_ADDRESS": "everywhere",
        f"{prefix}_SERVICE_SECRET": "too short",
        f"{prefix}_NATS_URL": "127.0.0.1:4222",
        f"{prefix}_PUBLIC_BASE_URL": "localhost",
        f"{prefix}_LOG_LEVEL": "loud",
        f"{prefix}_COLOUR": "blue",
        "EXECOS_PROFILE": "fast",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith(f"{prefix}_")}
    done = subprocess.run(
        [sys.executable, "-m", context, "serve"],
        env=environment | bad,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    for name in (*bad, f"{prefix}_DATABASE_URL", f"{prefix}_JWKS_URL"):
        assert done.stderr.count(f"{name}: ") == 1, done.stderr
    assert "too short" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_platform_on_the_same_ports_says_so_in_a_line(stage: Stage) -> None:
    other = Stage(stage.root.with_name("e2e-second"), stage.ports)
    try:
        done = other.local("up", "--detach")
        assert done.returncode == 1
        [line] = done.stdout.splitlines()
        assert line.startswith(f"cannot start: port {stage.ports.gateway_https}")
    finally:
        other.reset()
    assert not other.root.exists()
