"""`make up`, `down` and everything between, with real servers and small services."""

import http.client
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from local.ports import CONTEXTS, HOST, Ports

NAMES = {"postgres", "nats", "mail", "gateway", *CONTEXTS}


class Stand(Protocol):
    """What the fixture gives; see conftest.py."""

    folder: Path
    ports: Ports
    run: dict[str, Any]

    def local(self, *arguments: str, **environment: str) -> Any: ...
    def foreground(self, *arguments: str) -> Any: ...
    def pids(self) -> dict[str, int]: ...
    def fault(self, service: str, message: str | None) -> None: ...


@pytest.fixture
def platform(stand: Stand) -> Stand:
    """The stand with a running platform, started unless it runs already."""
    done = stand.local("up", "--detach")
    assert done.returncode == 0, done.stdout
    return stand


@pytest.fixture
def stopped(stand: Stand) -> Stand:
    """The stand with nothing running."""
    assert stand.local("down").returncode == 0
    return stand


def _wait_for(holds: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _is_replaced(stand: Stand, name: str, pid: int) -> bool:
    return stand.pids()[name] not in (None, pid)


def _descendants_of(marker: Path) -> list[str]:
    """Command lines and working places of living processes that belong to a data directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(marker).encode() in text and int(process.name) != os.getpid() and _lives(int(process.name)):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def _status(stand: Stand, path: str) -> int:
    trust = ssl.create_default_context(cafile=stand.folder / "data" / "certs" / "ca.pem")
    connection = http.client.HTTPSConnection("localhost", stand.ports.gateway_https, timeout=5, context=trust)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except ConnectionError:
        return 0
    finally:
        connection.close()


def test_up_brings_everything_and_down_takes_it_away(stopped: Stand) -> None:
    done = stopped.local("up", "--detach", "--profile", "test")
    assert done.returncode == 0, done.stdout
    assert f"https://localhost:{stopped.ports.gateway_https}" in done.stdout
    assert "owner@" in done.stdout
    pids = stopped.pids()
    assert set(pids) == NAMES
    assert all(_lives(pid) for pid in pids.values())
    assert stopped.run["profile"] == "test"
    assert _status(stopped, "/health") == 200

    again = stopped.local("up", "--detach")
    assert again.returncode == 0
    assert again.stdout.startswith("Execos is already up: https://localhost:")
    assert stopped.pids() == pids
    assert stopped.local("status").returncode == 0

    began = time.monotonic()
    assert stopped.local("down").stdout.endswith("Execos is stopped.\n")
    assert time.monotonic() - began < 10
    assert _descendants_of(stopped.folder) == []
    assert not (stopped.folder / "data" / "run.json").exists()
    assert stopped.local("down").stdout == "Execos is not running.\n"


def test_any_killed_process_is_back_and_run_json_says_so(platform: Stand) -> None:
    for name, pid in platform.pids().items():
        os.kill(pid, signal.SIGKILL)
        _wait_for(partial(_is_replaced, platform, name, pid))
    _wait_for(lambda: _status(platform, "/ready") == 200)


def test_all_of_them_killed_at_once_heal_within_ten_seconds(platform: Stand) -> None:
    before = platform.pids()
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    _wait_for(lambda: all(now not in (None, before[name]) for name, now in platform.pids().items()))
    _wait_for(lambda: _status(platform, "/ready") == 200, seconds=5)


def test_nobody_outlives_a_killed_supervisor_and_the_next_up_recovers(platform: Stand) -> None:
    os.kill(platform.run["supervisor"], signal.SIGKILL)
    _wait_for(lambda: _descendants_of(platform.folder) == [], seconds=5)
    done = platform.local("up", "--detach")
    assert done.returncode == 0, done.stdout
    assert _status(platform, "/health") == 200


def test_a_taken_port_is_said_in_a_line_and_nothing_is_started(stopped: Stand) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, stopped.ports.nats))
        other.listen()
        done = stopped.local("up", "--detach")
    assert done.returncode == 1
    [line] = done.stdout.splitlines()
    assert line.startswith(f"cannot start: port {stopped.ports.nats} (nats) is taken")
    assert _descendants_of(stopped.folder) == []


def test_a_service_that_cannot_start_is_named_with_its_reason_and_everything_ends(stopped: Stand) -> None:
    log = stopped.folder / "data" / "logs" / "billing.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("what another start said\n")
    stopped.fault("billing", "BILLING_NATS_URL: missing")
    try:
        done = stopped.local("up", "--detach")
    finally:
        stopped.fault("billing", None)
    assert done.returncode == 1
    assert "another start" not in done.stdout
    assert "BILLING_NATS_URL: missing" in done.stdout
    assert _descendants_of(stopped.folder) == []


def test_commands_find_the_running_platform_whatever_the_shell_says(platform: Stand) -> None:
    elsewhere = {"EXECOS_PORT_OFFSET": "0", "EXECOS_PROFILE": "default"}
    done = platform.local("migrate", **elsewhere)
    assert done.returncode == 0, done.stdout
    assert done.stdout == f"migrated {', '.join(CONTEXTS)}\n"
    assert platform.local("run", "sales", "parked", "--any", **elsewhere).returncode == 0
    platform.fault("sales", "sales says no")
    try:
        done = platform.local("run", "sales", "parked", **elsewhere)
        assert (done.returncode, done.stdout) == (1, "sales says no\n")
        done = platform.local("migrate", **elsewhere)
        assert done.returncode == 1
        assert done.stdout.startswith("the migration failed\n")
    finally:
        platform.fault("sales", None)


def test_commands_for_a_running_platform_say_when_there_is_none(stopped: Stand) -> None:
    for command in (("migrate",), ("seed",), ("demo",), ("run", "sales", "parked")):
        done = stopped.local(*command)
        assert (done.returncode, done.stdout) == (1, "Execos is not running: `make up` first.\n")


def test_in_the_foreground_logs_are_shown_and_an_interrupt_stops_everything(stopped: Stand) -> None:
    with stopped.foreground() as up:
        _wait_for((stopped.folder / "data" / "run.json").exists, seconds=30)
        pids = stopped.pids()
        _wait_for(lambda: _status(stopped, "/health") == 200)
        time.sleep(0.7)  # the follower looks three times a second
        up.send_signal(signal.SIGINT)
        output = up.communicate(timeout=20)[0]
    assert up.returncode == 0
    assert "Ctrl-C" in output
    assert output.rstrip().endswith("stopped")
    assert not any(_lives(pid) for pid in pids.values())
    assert any(line.startswith("gateway ") and "path=/health" in line for line in output.splitlines())


def test_reset_leaves_nothing(stopped: Stand) -> None:
    assert stopped.local("reset").returncode == 0
    assert not (stopped.folder / "data").exists()
