"""What a cancellation must not tear in two."""

import asyncio

import pytest

from chassis.tasks import uninterrupted


async def test_work_ends_although_its_caller_is_cancelled_twice() -> None:
    steps: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.1)
        steps.append("done")

    async def caller() -> None:
        await uninterrupted(work())
        steps.append("not reached")

    task = asyncio.create_task(caller())
    for _ in range(2):
        await asyncio.sleep(0.02)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["done"]


async def test_failure_of_the_work_comes_out() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await uninterrupted(work())
