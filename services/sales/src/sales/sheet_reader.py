"""Reads a table that somebody sent, in a process of its own (sales.sheets), batch by batch."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import IO, Any

import orjson

from chassis.errors import AppError, Invalid, TooLarge, UnsupportedMediaType
from sales.sheets import INVALID, LARGE, UNSUPPORTED

BATCH = 1000
MAX_LINE = 8 * 1024 * 1024
AT_ONCE = 2
_ERRORS: dict[str, type[AppError]] = {LARGE: TooLarge, UNSUPPORTED: UnsupportedMediaType}

_places = asyncio.Semaphore(AT_ONCE)


class Sheet:
    """A table: its columns, and its rows as long as its process lives."""

    def __init__(self, said: dict[str, Any], process: asyncio.subprocess.Process) -> None:
        self.format: str = said["format"]
        self.columns: Sequence[str] = said["columns"]
        self._process = process

    async def batches(self) -> AsyncIterator[list[bytes]]:
        """The rows, each the JSON of an array that begins with its number."""
        batch: list[bytes] = []
        while line := await _line(self._process):
            batch.append(line)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
        if await self._process.wait():
            raise TooLarge("The file needs more memory or time than one import may have.")


@asynccontextmanager
async def reading(file: IO[bytes]) -> AsyncIterator[Sheet]:
    """The table in a file; Invalid, UnsupportedMediaType or TooLarge where it has none, here or while it is read."""
    async with _places:
        file.seek(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "sales.sheets",
            stdin=file.fileno(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MAX_LINE,
            env={},
        )
        try:
            said = await _line(process)
            if not said:
                await process.wait()
                raise TooLarge("The file needs more memory or time than one import may have.")
            yield Sheet(orjson.loads(said), process)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    """The next line; the refusal that it is."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = (await process.stdout.readline()).rstrip(b"\n")
    if line.startswith(b'{"refused"'):
        refused = orjson.loads(line)
        if refused["refused"] == INVALID:
            raise Invalid.field("file", refused["message"])
        raise _ERRORS[refused["refused"]](refused["message"])
    return line
