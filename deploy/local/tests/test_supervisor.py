"""The supervisor with small children: order, readiness, restart with back-off, and nobody outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from local import children
from local.children import BackOff, Child, Program, StartFailed
from local.supervisor import Step, Supervisor


async def _yes() -> bool:
    return True


class Stage:
    """Programs that write what happens to them into one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.journal = folder / "journal"
        self.journal.touch()

    def program(self, name: str, script: str = "exec sleep 60", needs: tuple[str, ...] = ()) -> Program:
        """A shell script that is ready once it has noted `up <name>`."""
        noted = f"echo 'up {name}' >> {self.journal}"
        ended = f"trap \"echo 'down {name}' >> {self.journal}; kill %1; exit 0\" TERM"
        body = (
            f"{ended}\n{noted}\nsleep 60 & wait" if script == "exec sleep 60" else script.format(noted=noted)
        )

        async def is_ready() -> bool:
            return f"up {name}" in self.events()

        return Program(
            name=name,
            command=["/bin/sh", "-c", body],
            log=self.folder / f"{name}.log",
            is_ready=is_ready,
            needs=needs,
            environment={"PATH": os.environ["PATH"]},
            ready_seconds=5,
            stop_seconds=3,
        )

    def events(self) -> list[str]:
        """What happened, in order."""
        return self.journal.read_text().splitlines()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def _eventually(holds: object, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]  # a plain callable, spelled briefly
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


async def test_children_start_after_what_they_need_and_stop_before_it(stage: Stage) -> None:
    done: list[str] = []

    async def migrate() -> str:
        done.extend(stage.events())
        return "migrated"

    programs = [
        stage.program("gateway", needs=("service",)),
        stage.program("service", needs=("schema",)),
        stage.program("database"),
    ]
    supervisor = Supervisor(programs, [Step("schema", migrate, needs=("database",))], stage.said.append)
    await supervisor.start()
    assert done == ["up database"]
    assert stage.events() == ["up database", "up service", "up gateway"]
    await supervisor.stop()
    assert stage.events()[3:] == ["down gateway", "down service", "down database"]
    assert any(line.startswith("schema migrated") for line in stage.said)


async def test_a_child_that_fails_to_start_stops_everything_and_shows_its_last_lines(stage: Stage) -> None:
    broken = stage.program("broken", "echo SALES_DATABASE_URL: missing; exit 3", needs=("database",))
    supervisor = Supervisor([stage.program("database"), broken], [], stage.said.append)
    with pytest.raises(StartFailed, match=r"(?s)broken ended with exit code 3.*SALES_DATABASE_URL: missing"):
        await supervisor.start()
    assert stage.events() == ["up database", "down database"]
    assert supervisor.children["database"].pid is None


async def test_a_child_that_is_never_ready_is_killed(stage: Stage) -> None:
    silent = stage.program("silent", "sleep 60")
    child = Child(Program(**{**vars(silent), "ready_seconds": 0.3}), stage.said.append)
    with pytest.raises(StartFailed, match=r"was not ready in 0 s"):
        await child.start()
    assert child.pid is None


async def test_a_killed_child_is_back_with_another_pid_and_told_about(stage: Stage) -> None:
    supervisor = Supervisor([stage.program("service")], [], stage.said.append)
    await supervisor.start()
    restarts: list[int | None] = []
    supervisor.keep(lambda: restarts.append(supervisor.children["service"].pid))
    first = supervisor.children["service"].pid
    assert first
    os.kill(first, signal.SIGKILL)
    await _eventually(lambda: restarts)
    assert restarts[0] not in (None, first)
    assert stage.said[-2:] == ["service ended with signal SIGKILL: restarting", "service is back"]
    await supervisor.stop()


async def test_a_child_that_hangs_is_restarted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "PROBE_SECONDS", 0.05)
    plain = stage.program("service")
    hangs = True

    async def is_alive() -> bool:
        return not hangs

    child = Child(Program(**{**vars(plain), "is_alive": is_alive}), stage.said.append)
    await child.start()
    first = child.pid

    def back() -> None:
        nonlocal hangs
        hangs = False

    keeper = asyncio.create_task(child.keep(back))
    await _eventually(lambda: not hangs)
    assert child.pid not in (None, first)
    assert stage.said[0] == "service does not answer: restarting"
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    await child.stop()


async def test_a_child_that_ignores_the_stop_signal_is_killed(stage: Stage) -> None:
    stubborn = stage.program("stubborn", "trap '' TERM; {noted}; while :; do sleep 0.1; done")
    child = Child(Program(**{**vars(stubborn), "stop_seconds": 0.3}), stage.said.append)
    await child.start()
    await child.stop()
    assert child.pid is None
    assert stage.said == ["stubborn did not stop in 0 s: killed"]


def test_the_back_off_doubles_to_three_seconds_and_forgets_after_ten_of_health() -> None:
    back_off = BackOff()
    assert [round(back_off.after(1), 1) for _ in range(6)] == [0.2, 0.4, 0.8, 1.6, 3.0, 3.0]
    assert back_off.after(10) == 0.2


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"""
        import asyncio, signal
        from pathlib import Path
        from local.children import Child, Program
        async def yes(): return True
        async def main():
            children = [Child(Program("c", ["sleep", "60"], Path({str(tmp_path / "log")!r}), yes,
                        environment={{"PATH": "/usr/bin:/bin"}}), print) for _ in range(3)]
            for child in children:
                await child.start()
            Path({str(pids)!r}).write_text(" ".join(str(child.pid) for child in children))
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)]) as supervisor:
        _wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 3)
        supervisor.kill()
        supervisor.wait()
    _wait_for(lambda: not any(_lives(int(pid)) for pid in pids.read_text().split()))


def _wait_for(holds: object, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]  # a plain callable, spelled briefly
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
