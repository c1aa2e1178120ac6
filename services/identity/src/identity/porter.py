"""The porter: what an API key opens, answered from memory (design/security.md 3)."""

import asyncio
import math
import time
from dataclasses import dataclass
from uuid import UUID

from cachetools import TTLCache
from limits import RateLimitItemPerHour
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from chassis.auth import DenyList
from chassis.errors import AppError, Limited, Unauthenticated
from chassis.tenants import Tenants
from identity.domain.api_keys import TOKEN_LIFETIME, ApiKey, digest_of
from identity.reception import Reception
from identity.usecases.api_keys import NOT_VALID, Holder, look_up_key

KNOWN_SECONDS = 30
MAX_KNOWN = 10_000
MAX_REFUSED = 1_000
RESTLESS_SECONDS = 5
"""How long a key is asked for anew each time after it was changed here: its transaction may still be open."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a key opens at present, and the access token that stands for it."""

    holder: Holder
    token: str
    budget: RateLimitItemPerHour

    @property
    def key(self) -> ApiKey:
        """The key."""
        return self.holder.key


class Porter:
    """Lets keys in; asks the database about each at most once in half a minute, about mistyped ones never.

    What it remembers of a key is worth nothing as soon as a fact tells that its maker's membership or the organisation
    is another now.

    Budgets are counted in this process: they keep one client from taking everything, they are no bill, and with
    several processes a client has at most that many times as much.
    """

    def __init__(self, reception: Reception, deny_list: DenyList, tenants: Tenants) -> None:
        self._reception = reception
        self._deny_list = deny_list
        self._tenants = tenants
        self._passes: TTLCache[bytes, Pass] = TTLCache(MAX_KNOWN, KNOWN_SECONDS, timer=self._time)
        # Apart from the others, so that strangers with made-up keys push out nobody who is known.
        self._refused: TTLCache[bytes, AppError] = TTLCache(MAX_REFUSED, KNOWN_SECONDS, timer=self._time)
        self._restless: TTLCache[UUID, None] = TTLCache(MAX_KNOWN, RESTLESS_SECONDS, timer=self._time)
        self._asking: dict[bytes, asyncio.Task[Pass]] = {}
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def admit(self, text: str) -> Pass:
        """The pass for a key that somebody shows, counted; Limited when its hour is spent, else as `look_at`."""
        shown = await self.look_at(text)
        name = str(shown.key.id)
        if not await self._limiter.hit(shown.budget, name):
            resets_at = (await self._limiter.get_window_stats(shown.budget, name)).reset_time
            refused = Limited("This key has used up its requests of the hour.")
            refused.retry_after_seconds = max(1, math.ceil(resets_at - time.time()))
            raise refused
        return shown

    async def look_at(self, text: str) -> Pass:
        """What a key opens; Unauthenticated when it is nothing, or an organisation's own refusal."""
        digest = digest_of(text)
        if digest is None:
            raise Unauthenticated(NOT_VALID)
        if (refused := self._refused.get(digest)) is not None:
            raise refused.with_traceback(None)  # or each time one more would hang on to it
        shown = self._passes.get(digest)
        if shown is None or self._is_outdated(shown.holder):
            shown = await self._ask_once(digest)
        is_ended = str(shown.key.id) in self._deny_list.sessions
        if is_ended or not shown.key.is_live(self._reception.source.clock()):
            raise Unauthenticated(NOT_VALID)
        shown.holder.check_open()
        return shown

    def _is_outdated(self, holder: Holder) -> bool:
        member, organisation = holder.seat.membership, holder.seat.organisation
        return self._deny_list.is_outdated(
            member.org_id, member.id, member.version
        ) or self._tenants.is_outdated(organisation.id, organisation.version)

    def watch(self, key_id: UUID) -> None:
        """Forget a key that is being changed, and keep nothing of it for a moment."""
        self._restless[key_id] = None
        for digest in [each for each, known in self._passes.items() if known.key.id == key_id]:
            del self._passes[digest]

    async def _ask_once(self, digest: bytes) -> Pass:
        """Whoever comes while the database is being asked about the same key waits for that answer."""
        task = self._asking.get(digest)
        if task is None:
            task = self._asking[digest] = asyncio.create_task(self._ask(digest))
            task.add_done_callback(lambda _done: self._asking.pop(digest, None))
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes) -> Pass:
        try:
            async with self._reception.tx() as tx:
                holder = await look_up_key(tx, digest)
        except AppError as refused:
            self._refused[digest] = refused
            raise
        ends_at = min(tx.now + TOKEN_LIFETIME, holder.key.expires_at)
        token = await self._reception.sign(holder.claims, tx.now, ends_at)
        shown = Pass(holder, token, RateLimitItemPerHour(holder.key.rate_limit_per_hour))
        if holder.key.id not in self._restless:
            self._passes[digest] = shown
        return shown

    def _time(self) -> float:
        return self._reception.source.clock().timestamp()
