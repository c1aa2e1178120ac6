"""Passwords: Argon2id in a bounded pool of threads, bcrypt verified once and replaced (design/security.md 2)."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from chassis.errors import Unavailable

T = TypeVar("T")

THREADS = 2
TURNS = THREADS + 1
"""How many sign in at once: while one asks the database, the threads are busy with the others."""
MAX_WAITING = 64
MAX_WAIT_SECONDS = 12.0
"""Below the gateway's patience of fifteen seconds."""
MEMORY_KIB = 64 * 1024
PASSES = 2
LANES = 1
BCRYPT_BYTES = 72
"""Bcrypt looks at no more; the library refuses longer input."""


class TooManyWaiting(Unavailable):
    """More people sign in at once than this process can check passwords for."""

    retry_after_seconds = 2


class Verdict(NamedTuple):
    """Whether a password is right, and its new hash when the stored one should be replaced."""

    is_right: bool
    upgraded: str | None = None


class Passwords:
    """Hashes and verifies; whoever wants to waits for a turn, so that load can eat neither memory nor patience."""

    def __init__(self, memory_kib: int = MEMORY_KIB) -> None:
        self._argon2 = Argon2Hasher(time_cost=PASSES, memory_cost=memory_kib, parallelism=LANES)
        self._bcrypt = BcryptHasher()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._turns = asyncio.Semaphore(TURNS)
        self._waiting = 0
        # A hash like any other, of a password that nobody can know: what is compared when there is nothing to compare.
        self._nobodys = (
            f"$argon2id$v=19$m={memory_kib},t={PASSES},p={LANES}${_random_text(16)}${_random_text(32)}"
        )

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one may sign in; TooManyWaiting when the queue is full or too slow."""
        if self._waiting >= MAX_WAITING:
            raise TooManyWaiting("Too many people are signing in; try again.")
        self._waiting += 1
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise TooManyWaiting("Too many people are signing in; try again.") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Compare with a stored hash, or with nobody's, which takes as long. Within a turn."""
        return await self._in_thread(lambda: self._verify(password.encode(), stored))

    async def hash(self, password: str) -> str:
        """A new hash. Within a turn."""
        return await self._in_thread(lambda: self._argon2.hash(password))

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False)

    def _verify(self, password: bytes, stored: str | None) -> Verdict:
        if stored is not None and self._bcrypt.identify(stored):
            is_right = self._bcrypt.verify(password[:BCRYPT_BYTES], stored)
            return Verdict(is_right, self._argon2.hash(password) if is_right else None)
        is_right = self._argon2.verify(password, stored or self._nobodys)
        is_old = is_right and stored is not None and self._argon2.check_needs_rehash(stored)
        return Verdict(is_right and stored is not None, self._argon2.hash(password) if is_old else None)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _random_text(length: int) -> str:
    return base64.b64encode(os.urandom(length)).decode().rstrip("=")
