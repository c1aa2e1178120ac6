"""The reception: everything that signing people in and out needs, put together once per process."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from chassis.auth import TokenVerifier, system_actor
from chassis.context import Work, begin_work, current_work, new_request_id
from chassis.ids import new_id
from chassis.runtime import Runtime
from chassis.tx import Source, Tx
from identity.ceremonies import Ceremonies
from identity.domain.ciphers import Cipher
from identity.domain.refresh_tokens import Seals
from identity.domain.seats import Seat
from identity.domain.sessions import ACCESS_TOKEN_LIFETIME, Session
from identity.keyring import Keyring, OwnKeys
from identity.passwords import Passwords
from identity.settings import IdentitySettings

log = structlog.get_logger()

NOBODY = UUID(int=0)
PLATFORM_AUDIENCE = "execos-platform"


class Opened(NamedTuple):
    """What somebody gets who signs in, refreshes or switches."""

    access_token: str
    expires_in: int
    refresh_token: str
    cookie_until: datetime
    device_mark: str | None = None


@dataclass(frozen=True)
class Reception:
    """Transactions of the system role, passwords, keys, seals and the cipher."""

    source: Source
    settings: IdentitySettings
    passwords: Passwords
    keyring: Keyring
    seals: Seals
    cipher: Cipher
    platform_verifier: TokenVerifier
    pause_seconds: float = 1.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    def of(cls, runtime: Runtime) -> "Reception":
        """The reception of a running service."""
        settings = runtime.part(IdentitySettings)
        source = replace(runtime.source, database=runtime.system)
        cipher = settings.cipher()
        seals = Seals(settings.refresh_key.get_secret_value())
        keyring = Keyring(source, cipher, timedelta(seconds=settings.jwks_cache_seconds))
        verifier = TokenVerifier(OwnKeys(keyring), issuer=settings.token_issuer, audience=PLATFORM_AUDIENCE)
        return cls(source, settings, Passwords(), keyring, seals, cipher, verifier)

    @property
    def ceremonies(self) -> Ceremonies:
        """What is asked of passkeys, and whether an answer holds."""
        return Ceremonies(self.settings.rp_id, self.seals)

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """A transaction across tenants; whoever it turns out to be about becomes its actor."""
        async with self.source.tx(system_actor(NOBODY)) as tx:
            yield tx

    async def admit(
        self, seat: Seat, session: Session, now: datetime, *, device_mark: str | None = None
    ) -> Opened:
        """Tokens for a person in their seat; after the transaction, because signing may have to load keys."""
        strong = {"mfa": True} if session.is_strong else {}
        claims = seat.claims(session.id) | strong | {"auth_time": int(session.created_at.timestamp())}
        token = await self.sign(claims, now, now + ACCESS_TOKEN_LIFETIME)
        refresh_token = self.seals.refresh_token(session.id, session.counter)
        seconds = int(ACCESS_TOKEN_LIFETIME.total_seconds())
        return Opened(token, seconds, refresh_token, session.expires_at, device_mark)

    async def sign(self, claims: Mapping[str, Any], now: datetime, until: datetime) -> str:
        """An access token that says this, good from now on."""
        issued_at = int(now.timestamp())
        always = {
            "iss": self.settings.token_issuer,
            "aud": self.settings.token_audience,
            "jti": str(new_id()),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": int(until.timestamp()),
        }
        return await self.keyring.sign({**claims, **always}, now)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that must not show in how long an answer takes: once it has left.

        Best effort: what fails is only logged, and a killed process takes it along.
        """
        origin = current_work()

        async def run() -> None:
            # Statements of its own: Server-Timing of the answer must not count them.
            begin_work(replace(origin, statements=0) if origin else Work(new_request_id()))
            try:
                await asyncio.sleep(self.pause_seconds)
                await work
            except Exception as error:  # noqa: BLE001 - nobody waits for it; it is only logged
                log.warning("reception.later_failed", error=repr(error))
            finally:
                work.close()  # what a stop of the process has left undone

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for what was left for later."""
        await asyncio.gather(*self._tasks)
