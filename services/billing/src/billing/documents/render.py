"""A document as PDF: the same bytes for the same document, made in a process of its own, a few at a time."""

import asyncio
import sys
from pathlib import Path

import orjson

from billing.domain.documents import Document
from chassis.errors import Unavailable

TYPESETTER = Path(__file__).with_name("typeset.py")
AT_ONCE = 2
SECONDS = 10.0

_turns = asyncio.Semaphore(AT_ONCE)


async def render(document: Document) -> bytes:
    """The document as PDF; Unavailable when it takes too long, which only a machine out of breath does."""
    order = await asyncio.to_thread(_order, document)
    async with _turns:
        try:
            async with asyncio.timeout(SECONDS):
                return await _typeset(order)
        except TimeoutError:
            raise Unavailable("The document could not be made in time; try again.") from None


def _order(document: Document) -> bytes:
    from billing.documents.contents import contents  # noqa: PLC0415 - heavy, and most processes make no document

    return orjson.dumps({"texts": contents(document), "timestamp": int(document.sent_at.timestamp())})


async def _typeset(order: bytes) -> bytes:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-I", str(TYPESETTER))
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        pdf, said = await child.communicate(order)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise RuntimeError(f"the typesetter failed: {said[-500:].decode(errors='replace')}")
    return pdf
