"""Reads a table that somebody sent, in a process of its own (sales.sheets), batch by batch."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import IO, Any

import orjson
import structlog

from chassis.errors import AppError, Invalid, TooLarge, UnsupportedMediaType
from sales.sheets import INVALID, LARGE, MAX_ROW_BYTES, NO_MEMORY, UNSUPPORTED

READER = (sys.executable, "-I", "-m", "sales.sheets")
BATCH = 1000
BATCH_BYTES = 4 * 1024 * 1024
MAX_LINE = 2 * MAX_ROW_BYTES  # no line is as long; what is read ahead is at most twice this
MAX_ERRORS = 4096
AT_ONCE = 2
LIMITS = {NO_MEMORY, -signal.SIGXCPU, -signal.SIGABRT, -signal.SIGKILL}
"""How a reader ends that wants more than it may have; a library that gets no memory aborts."""
_ERRORS: dict[str, type[AppError]] = {LARGE: TooLarge, UNSUPPORTED: UnsupportedMediaType}

log = structlog.get_logger()
_places = asyncio.Semaphore(AT_ONCE)


class Sheet:
    """A table: its columns, and its rows as long as its process lives."""

    def __init__(self, said: dict[str, Any], process: asyncio.subprocess.Process) -> None:
        self.format: str = said["format"]
        self.columns: Sequence[str] = said["columns"]
        self._process = process

    async def batches(self) -> AsyncIterator[list[bytes]]:
        """The rows, each the JSON of an array that begins with its number.

        A batch has at most BATCH of them, and ends with the one that fills BATCH_BYTES. Invalid or TooLarge where the
        file turns out to be no table, or one that is too large (sales.sheets says how large it may be).
        """
        batch: list[bytes] = []
        size = 0
        while line := await _line(self._process):
            batch.append(line)
            size += len(line)
            if len(batch) == BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


@asynccontextmanager
async def reading(file: IO[bytes]) -> AsyncIterator[Sheet]:
    """The table in a file; Invalid, UnsupportedMediaType or TooLarge where it has none, here or while it is read."""
    async with _places:
        file.seek(0)
        process = await asyncio.create_subprocess_exec(
            *READER,
            stdin=file.fileno(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
            env={},
        )
        try:
            yield Sheet(orjson.loads(await _line(process)), process)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    """The next line, nothing behind the last one; the refusal that it is, or that the end of the process is."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):  # what a process had begun when it died is no line
        await _end(process)
        return b""
    if line.startswith(b'{"refused"'):
        refused = orjson.loads(line)
        if refused["refused"] == INVALID:
            raise Invalid.field("file", refused["message"])
        raise _ERRORS[refused["refused"]](refused["message"])
    return line.rstrip(b"\n")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait until it has ended; TooLarge when its limits have ended it, an error that is logged when a bug has."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    code = await process.wait()
    if code in LIMITS:
        raise TooLarge("The file needs more memory or time than one import may have.")
    if code:
        said = (await process.stderr.read(MAX_ERRORS)).decode(errors="replace")
        log.error("import.reader_broken", code=code, said=said)
        raise RuntimeError(f"The reader of sheets has ended with {code}.")
