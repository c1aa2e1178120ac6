"""Starts children and one-time steps in the order of their needs, keeps the children running, stops them in reverse."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn

from local.children import Child, Program


@dataclass(frozen=True)
class Step:
    """Something done once while starting, such as migrating."""

    name: str
    run: Callable[[], Awaitable[str | None]]
    needs: tuple[str, ...] = ()


class Supervisor:
    """The children of one platform. `say` is told what happens, one line each."""

    def __init__(
        self, programs: Sequence[Program], steps: Sequence[Step], say: Callable[[str], None]
    ) -> None:
        self.children = {program.name: Child(program, say) for program in programs}
        self._steps = {step.name: step for step in steps}
        self._say = say
        self._keepers: list[asyncio.Task[NoReturn]] = []

    async def start(self) -> None:
        """Start everything, in parallel where needs allow; on the first StartFailed everything is stopped again."""
        done = {name: asyncio.Event() for name in (*self.children, *self._steps)}
        tasks = [asyncio.create_task(self._start_one(name, done)) for name in done]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.stop()
            raise

    async def _start_one(self, name: str, done: dict[str, asyncio.Event]) -> None:
        step, child = self._steps.get(name), self.children.get(name)
        for need in step.needs if step else child.program.needs if child else ():
            await done[need].wait()
        began = monotonic()
        remark: str | None = None
        if step:
            remark = await step.run()
        elif child:
            await child.start()
            remark = "ready"
        done[name].set()
        if remark:
            self._say(f"{name} {remark} ({monotonic() - began:.1f} s)")

    def keep(self, on_restart: Callable[[], None]) -> None:
        """From now on restart what ends; `on_restart` is called after each."""
        self._keepers = [asyncio.create_task(child.keep(on_restart)) for child in self.children.values()]

    async def stop(self) -> None:
        """Stop the children, whoever needs another one before that other one."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        remaining = dict(self.children)
        while remaining:
            needed = {need for name in remaining for need in self._all_needs(name)}
            now = [name for name in remaining if name not in needed] or list(remaining)
            await asyncio.gather(*(remaining.pop(name).stop() for name in now))

    def _all_needs(self, name: str) -> set[str]:
        """The needs of a child, with those of the steps and children it needs."""
        step, child = self._steps.get(name), self.children.get(name)
        direct = step.needs if step else child.program.needs if child else ()
        return set(direct).union(*(self._all_needs(need) for need in direct))
