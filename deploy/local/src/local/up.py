"""`up`: one process that starts the platform, keeps it running and stops it on a signal."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from local import certificates, greeting, overrides, run_file, seed
from local.children import StartFailed
from local.layout import DataDirectoryRefused, Layout, Lock
from local.nats import ServerRefused
from local.ports import PortTaken, check_free
from local.postgres import ClusterRefused
from local.schema import SchemaRefused
from local.settings import Settings, SettingsRefused
from local.stack import Stack
from local.supervisor import Supervisor
from local.terminal import Follower, keep_small

LEFTOVERS_SECONDS = 10.0
_REFUSALS = (ClusterRefused, DataDirectoryRefused, PortTaken, SchemaRefused, ServerRefused, StartFailed)


@dataclass(frozen=True)
class Platform:
    """A platform to be run by this process."""

    settings: Settings
    layout: Layout
    is_detached: bool

    def run(self) -> int:
        """Run until told to stop; the exit code. Everything refused is said in a line."""
        try:
            self.layout.prepare()
        except DataDirectoryRefused as refused:
            return _refuse(refused)
        lock = Lock(self.layout.root)
        if not lock.take():
            return self._already_up(lock)
        try:
            return asyncio.run(self._run())
        except SettingsRefused as refused:
            return _refuse(f"the settings are wrong:\n{refused}", code=2)
        except _REFUSALS as refused:
            return _refuse(refused)
        except psycopg.Error as error:
            return _refuse(f"PostgreSQL: {str(error).splitlines()[0]}")
        except OSError as error:  # whatever a full disk or a lost right stops first
            return _refuse(f"{error.filename or self.layout.root}: {error.strerror or error}")
        finally:  # the lock goes with this process, so that whoever waits for it finds nothing of us
            self.layout.run_file.unlink(missing_ok=True)

    def _already_up(self, lock: Lock) -> int:
        """Wait for another `up` that is starting, then say where the platform is."""
        deadline = time.monotonic() + 60
        while lock.holder() is not None and time.monotonic() < deadline:
            if run := run_file.read(self.layout.run_file):
                print(f"Execos is already up: {run['gateway']['https']} (profile {run['profile']})")
                return 0
            time.sleep(0.2)
        return _refuse("another `make up` was starting or stopping here: try again")

    async def _run(self) -> int:
        began = time.monotonic()
        stopping = _stop_signals()
        await self._make_room()
        certificates.ensure(self.layout.certs)
        stack = Stack(self.settings, self.layout)
        overrides.check(self.settings, stack.keys, stack.cluster)
        supervisor = Supervisor(stack.programs(), stack.steps(), say)
        say(f"starting Execos in {run_file.relative(self.layout.root)}")
        if not await _unless(stopping, supervisor.start()):
            await supervisor.stop()
            return 130

        def rewrite() -> None:
            pids = {name: child.pid for name, child in supervisor.children.items()}
            with contextlib.suppress(OSError):  # a full disk must not end the platform
                run_file.write(self.layout.run_file, run_file.content(self.settings, self.layout, pids))

        supervisor.keep(lambda: rewrite() if self.layout.run_file.exists() else None)
        if await _unless(stopping, self._seed(stack)):
            rewrite()
            seconds = time.monotonic() - began
            print(
                greeting.text(self.settings, self.layout, seconds, is_detached=self.is_detached), flush=True
            )
            await self._until(stopping)
        self.layout.run_file.unlink(missing_ok=True)
        say("stopping")
        await supervisor.stop()
        say("stopped")
        return 0

    async def _make_room(self) -> None:
        """Check every port. After a crash, first give the last run's children a moment to be gone."""
        had_crashed = self.layout.run_file.exists()
        self.layout.run_file.unlink(missing_ok=True)
        deadline = time.monotonic() + (LEFTOVERS_SECONDS if had_crashed else 0.5)
        while True:
            try:
                return check_free(self.settings.ports)
            except PortTaken:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    async def _seed(self, stack: Stack) -> None:
        if (
            self.settings.environment != "development"
            or not self.settings.seeds
            or self.layout.seeded.exists()
        ):
            return
        try:
            remark = await asyncio.to_thread(seed.run, stack)
        except seed.SeedFailed as failed:
            say(f"the demo data is not complete, `make seed` goes on with it: {failed}")
        else:
            self.layout.seeded.touch()
            say(remark)

    async def _until(self, stopping: asyncio.Event) -> None:
        names = (*self._log_names(), "migrate")
        logs = [(name, self.layout.log(name)) for name in names]
        chores = [asyncio.create_task(self._keep_tidy([path for _, path in logs]))]
        if self.is_detached:
            _write_to(self.layout.log("supervisor"))
        else:
            chores.append(asyncio.create_task(Follower(logs).follow()))
        await stopping.wait()
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)

    def _log_names(self) -> list[str]:
        run = run_file.read(self.layout.run_file) or {"processes": []}
        return [process["name"] for process in run["processes"]]

    async def _keep_tidy(self, logs: list[Path]) -> None:
        while True:
            await asyncio.sleep(60)
            with contextlib.suppress(OSError):  # a full disk must not end the platform
                keep_small(logs)
                certificates.ensure(self.layout.certs)


def say(text: str) -> None:
    """One line of progress; a terminal that is gone or a log on a full disk does no harm."""
    with contextlib.suppress(OSError):
        print(f"  {text}", flush=True)


def _refuse(reason: object, *, code: int = 1) -> int:
    print(f"cannot start: {reason}", file=sys.stderr, flush=True)
    return code


def _stop_signals() -> asyncio.Event:
    """Set by the first SIGINT, SIGTERM or SIGHUP; the second ends at once, and the children with us."""
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            os._exit(130)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return stopping


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether the work was done before a stop signal came; what it raises is raised."""
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        stop.cancel()
        await task
        return True
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return False


def _write_to(log: Path) -> None:
    """From now on standard output and error go to a file; whoever waited for us sees the end of the pipe."""
    with log.open("ab", buffering=0) as file:
        sys.stdout.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
