"""What the command line does besides running the platform: detach, down, status, reset."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from local import run_file
from local.layout import DataDirectoryRefused, Layout, Lock
from local.settings import Settings

STOP_SECONDS = 60.0
_OURS = (
    "postgres",
    "postgres.new",
    "restore.new",
    "restore.old",
    "nats",
    "gateway",
    "certs",
    "secrets",
    "mail",
    "logs",
    "run.json",
    "seeded",
    "lock",
)


def up_detached(arguments: list[str]) -> int:
    """Start a supervisor in a session of its own, show what it says until it is ready; its exit code if it ends."""
    command = [sys.executable, "-m", "local", "up", "--background", *arguments]
    supervisor = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whoever stops us stops the start
        signal.signal(number, lambda *_: supervisor.send_signal(signal.SIGTERM))
    for line in supervisor.stdout or ():
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    try:
        return supervisor.wait(timeout=0.5)  # it ended: refused, or already up
    except subprocess.TimeoutExpired:
        supervisor.returncode = 0  # it lives on; nothing is left for us to wait for
        return 0


def down(layout: Layout) -> int:
    """Stop the platform and return when every process of it is gone."""
    lock = Lock(layout.root)
    pid = lock.holder()
    if pid is None:
        print("Execos is not running.")
        return 0
    run = run_file.read(layout.run_file)
    print("stopping Execos …", flush=True)
    deadline = time.monotonic() + STOP_SECONDS
    _signal(pid, signal.SIGTERM)
    while lock.holder() is not None:
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)
            deadline += 5
        time.sleep(0.05)
    _await_gone([pid, *(process["pid"] for process in (run or {}).get("processes", []) if process["pid"])])
    print("Execos is stopped.")
    return 0


def _signal(pid: int, number: signal.Signals) -> None:
    if pid:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def _await_gone(pids: list[int]) -> None:
    """Children of a killed supervisor are killed by the kernel; wait for the last of them."""
    deadline = time.monotonic() + 10
    while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def status(layout: Layout) -> int:
    """Print what runs; exit code 0 when everything does, 3 when nothing, 1 when a process is missing."""
    run = run_file.read(layout.run_file)
    if Lock(layout.root).holder() is None or run is None:
        print("Execos is not running.")
        return 3
    print(f"Execos is up: {run['gateway']['https']} (profile {run['profile']})")
    for process in run["processes"]:
        print(f"  {process['name']:<14} {_state(process):<10} {process.get('http', '')}")
    return 0 if all(_state(process) != "down" for process in run["processes"]) else 1


def _state(process: dict[str, Any]) -> str:
    return f"pid {process['pid']}" if process["pid"] and _lives(process["pid"]) else "down"


def reset(layout: Layout) -> int:
    """Stop the platform and forget everything it knew."""
    down(layout)
    for name in _OURS:
        path = layout.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    left = sorted(path.name for path in layout.root.iterdir()) if layout.root.exists() else []
    if not left and layout.root.exists():
        layout.root.rmdir()
    place = run_file.relative(layout.root)
    print(
        f"{place} is empty." if not left else f"{place} keeps what is not the platform's: {', '.join(left)}"
    )
    return 0


def of_running(settings: Settings, layout: Layout) -> Settings | None:
    """The settings as the running platform has them, whatever this shell says; None, and why, when nothing runs."""
    run = run_file.read(layout.run_file)
    if run is None or Lock(layout.root).holder() is None:
        print("Execos is not running: `make up` first.", file=sys.stderr)
        return None
    return replace(
        settings,
        ports=run_file.ports(run),
        environment=run["environment"],
        profile=run["profile"],
    )


def migrate(settings: Settings, layout: Layout) -> int:
    """Bring the schemas of a running platform to their heads."""
    from local.children import StartFailed  # noqa: PLC0415 - loads everything, which `down` and `status` do not need
    from local.schema import SchemaRefused  # noqa: PLC0415 - the same
    from local.stack import Stack  # noqa: PLC0415 - the same

    try:
        migrated = asyncio.run(Stack(settings, layout).migrate())
    except (SchemaRefused, StartFailed) as refused:
        print(refused, file=sys.stderr)
        return 1
    print(migrated or "every schema is at its head")
    return 0


def back_up(settings: Settings, layout: Layout) -> int:
    """Back up the running platform; says where to."""
    from local.backups import BackupRefused, back_up  # noqa: PLC0415 - the same
    from local.stack import Stack  # noqa: PLC0415 - the same

    began = time.monotonic()
    print("backing up every database …", flush=True)
    try:
        place = back_up(layout, Stack(settings, layout).cluster)
    except (BackupRefused, OSError) as refused:
        print(f"no backup was made: {refused}", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) // 1024**2
    print(f"{run_file.relative(place)}: {size} MiB in {time.monotonic() - began:.1f} s")
    return 0


def restore(settings: Settings, layout: Layout, at: datetime | None) -> int:
    """Put a backup in the place of a stopped platform; says which."""
    from local.backups import BackupRefused, restore  # noqa: PLC0415 - the same
    from local.postgres import ClusterRefused  # noqa: PLC0415 - the same
    from local.stack import Stack  # noqa: PLC0415 - the same

    lock = Lock(layout.root)
    if lock.holder() is not None:
        print("Execos is running: `make down` first.", file=sys.stderr)
        return 1
    try:
        layout.prepare()
        lock.take()
        place = restore(layout, Stack(settings, layout).cluster, at)
    except (BackupRefused, ClusterRefused, DataDirectoryRefused, OSError) as refused:
        print(f"nothing was restored: {refused}", file=sys.stderr)
        return 1
    print(f"{run_file.relative(place)} is restored: `make up`")
    return 0


def run_service(settings: Settings, layout: Layout, service: str, arguments: list[str]) -> NoReturn:
    """Become `python -m <service> …` with the environment that the service has here."""
    from local.service_environment import migration_environment  # noqa: PLC0415 - the same
    from local.stack import Stack  # noqa: PLC0415 - the same

    stack = Stack(settings, layout)
    environment = migration_environment((service,), settings, stack.keys, stack.cluster)
    os.execve(sys.executable, [sys.executable, "-m", service, *arguments], environment)  # noqa: S606 - no shell is wanted


def seed(settings: Settings, layout: Layout) -> int:
    """Complete the demo data of a running platform."""
    from local.seed import SeedFailed, run  # noqa: PLC0415 - its libraries are slow to load and only needed here
    from local.stack import Stack  # noqa: PLC0415 - the same

    try:
        print(run(Stack(settings, layout)))
    except SeedFailed as failed:
        print(f"the demo data is not complete: {failed}", file=sys.stderr)
        return 1
    layout.seeded.touch()
    return 0
