"""One supervised process: started, watched, restarted with back-off, stopped."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from local.lifeline import die_with_parent

FIRST_DELAY_SECONDS = 0.2
# With the start after it, less than the ten seconds within which the platform heals.
LONGEST_DELAY_SECONDS = 3.0
HEALTHY_AFTER_SECONDS = 10.0
PROBE_SECONDS = 2.0
PROBES_MISSED = 3

Probe = Callable[[], Awaitable[bool]]


class StartFailed(Exception):
    """A process did not become ready; the message says why, with the last lines of its log."""


@dataclass(frozen=True)
class Program:
    """How to run one process and how to know that it works."""

    name: str
    command: list[str]
    log: Path
    is_ready: Probe
    is_alive: Probe | None = None
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    death_signal: signal.Signals = signal.SIGKILL
    ready_seconds: float = 60.0
    before_start: Callable[[], object] | None = None
    before_stop: Callable[[], Awaitable[None]] | None = None


class BackOff:
    """The wait before the next restart: 0.2 s doubling to 3 s, from the start again after 10 s of health."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY_SECONDS

    def after(self, healthy_seconds: float) -> float:
        """Seconds to wait after a run that lasted `healthy_seconds`."""
        if healthy_seconds >= HEALTHY_AFTER_SECONDS:
            self._next = FIRST_DELAY_SECONDS
        delay = self._next
        self._next = min(delay * 2, LONGEST_DELAY_SECONDS)
        return delay


class Child:
    """A program that is to run all the time."""

    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        self.program = program
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._log_began = 0

    @property
    def pid(self) -> int | None:
        """The pid of the running process."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Start and wait until ready; StartFailed when it ends before or takes too long."""
        program = self.program
        if program.before_start:
            program.before_start()
        with program.log.open("ab") as log:
            self._log_began = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(program.environment),
                start_new_session=True,
                preexec_fn=die_with_parent(program.death_signal),
            )
        try:
            async with asyncio.timeout(program.ready_seconds):
                await self._until_ready(self._process)
        except TimeoutError:
            await self._kill()
            raise StartFailed(self._why(f"was not ready in {program.ready_seconds:.0f} s")) from None

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        delay = 0.05
        while not await self.program.is_ready():
            if process.returncode is not None:
                raise StartFailed(self._why(f"ended with {_ending(process.returncode)}"))
            await asyncio.sleep(delay)
            delay = min(delay * 1.2, 0.25)
        if process.returncode is not None:  # what answered was not ours
            raise StartFailed(self._why(f"ended with {_ending(process.returncode)}"))

    async def keep(self, on_restart: Callable[[], None]) -> NoReturn:
        """Restart it whenever it ends or hangs, until cancelled; `on_restart` is called when it is ready again."""
        back_off = BackOff()
        clock = asyncio.get_running_loop().time
        while True:
            since = clock()
            reason = await self._until_down()
            await self._kill()
            delay = back_off.after(clock() - since)
            self._say(f"{self.program.name} {reason}: restarting")
            while True:
                await asyncio.sleep(delay)
                await self._kill()
                try:
                    await self.start()
                except Exception as failed:  # noqa: BLE001 - whatever it is (a full disk too), the next try may succeed
                    delay = back_off.after(0)
                    self._say(f"{self.program.name} cannot be restarted, next try in {delay:.1f} s: {failed}")
                else:
                    self._say(f"{self.program.name} is back")
                    on_restart()
                    break

    async def _until_down(self) -> str:
        """Why it no longer works: it ended, or three liveness probes in a row had no answer."""
        process = self._process
        if process is None:
            return "is not running"
        ended = asyncio.ensure_future(process.wait())
        missed = 0
        try:
            while missed < PROBES_MISSED:
                done, _ = await asyncio.wait({ended}, timeout=PROBE_SECONDS)
                if done:
                    return f"ended with {_ending(ended.result())}"
                if self.program.is_alive is not None:
                    missed = 0 if await self.program.is_alive() else missed + 1
        finally:
            ended.cancel()
        return "does not answer"

    async def stop(self) -> None:
        """Ask it to end, kill it when it takes longer than it may."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        if self.program.before_stop:
            await self.program.before_stop()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.program.stop_seconds)
        except TimeoutError:
            self._say(f"{self.program.name} did not stop in {self.program.stop_seconds:.0f} s: killed")
        await self._kill()

    async def _kill(self) -> None:
        """End it and whatever it started."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def _why(self, reason: str) -> str:
        return f"{self.program.name} {reason}\n{tail(self.program.log, since=self._log_began)}".rstrip()


def tail(log: Path, *, since: int = 0, lines: int = 12) -> str:
    """The last lines of a log file after an offset, indented."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - 16_384))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(f"    {line[:400]}" for line in text.splitlines()[-lines:])


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
