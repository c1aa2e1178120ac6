"""The keyring: signs access tokens, publishes the public keys, makes the next key in time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt import PyJWK

from chassis.auth import ALGORITHM, TOKEN_TYPE, KeySet
from chassis.errors import Unavailable
from chassis.tx import Source
from identity.domain.ciphers import Cipher
from identity.domain.signing_keys import (
    RELOADED_AFTER,
    SigningKey,
    announcement,
    is_published,
    is_rotation_due,
    new_pair,
    next_start,
    signing,
)
from identity.store import signing_keys

log = structlog.get_logger()


@dataclass(frozen=True)
class OpenedKey:
    """A signing key whose private half has been decrypted."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    public_jwk: Mapping[str, Any]
    active_from: datetime


class Keyring:
    """The signing keys as this process knows them; whichever process finds none makes the first."""

    def __init__(self, source: Source, cipher: Cipher, jwks_cache: timedelta) -> None:
        self._source = source
        self._cipher = cipher
        self._announced = announcement(jwks_cache)
        self._keys: Sequence[OpenedKey] = ()
        self._loaded_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def sign(self, claims: Mapping[str, Any], now: datetime) -> str:
        """An access token with these claims, by the key that signs now."""
        keys = await self._known()
        index = signing(keys, now)
        if index is None:
            raise Unavailable("There is no signing key yet; try again.")
        headers = {"kid": keys[index].kid, "typ": TOKEN_TYPE}
        return jwt.encode(dict(claims), keys[index].private, algorithm=ALGORITHM, headers=headers)

    async def published(self) -> list[Mapping[str, Any]]:
        """The public keys that verifiers may need now."""
        keys = await self._known()
        now = self._source.clock()
        return [key.public_jwk for index, key in enumerate(keys) if is_published(keys, index, now)]

    async def load(self) -> None:
        """Read the keys now, making one where none is there or the newest is old."""
        async with self._source.database.session(None, read_only=True) as session:
            stored = await signing_keys.list_all(session)
        if self._is_due(stored, self._source.clock()):
            await self._make_next(self._is_due)
        else:
            self._take(stored)

    async def rotate(self) -> datetime:
        """Make the next key unless one is waiting already; returns when it begins to sign."""
        await self._make_next(lambda _stored, _now: True)
        return self._keys[-1].active_from

    async def _make_next(self, is_wanted: Callable[[Sequence[SigningKey], datetime], bool]) -> None:
        async with self._source.database.session(None) as session:
            await signing_keys.lock(session)
            stored = list(await signing_keys.list_all(session))
            now = self._source.clock()
            # Asked again under the lock: another process may have made it meanwhile.
            start = next_start(stored, now, self._announced) if is_wanted(stored, now) else None
            if start is not None:
                stored.append(self._new_key(now, start))
                session.add(stored[-1])
            dead = [key for index, key in enumerate(stored) if not is_published(stored, index, now)]
            for key in dead:
                await session.delete(key)
            await session.commit()
        self._take([key for key in stored if key not in dead])

    def _is_due(self, stored: Sequence[SigningKey], now: datetime) -> bool:
        return is_rotation_due(stored, now, self._announced)

    def _new_key(self, now: datetime, start: datetime) -> SigningKey:
        kid, private, public = new_pair()
        plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        key = SigningKey(kid=kid, public_jwk=public, created_at=now, active_from=start)
        key.private_key = self._cipher.seal(plain, key.place)
        log.info("signing_key.made", kid=kid, active_from=start.isoformat())
        return key

    def _take(self, stored: Sequence[SigningKey]) -> None:
        opened = {key.kid: key for key in self._keys}
        self._keys = [opened.get(key.kid) or self._open(key) for key in stored]
        self._loaded_at = self._source.clock()

    def _open(self, key: SigningKey) -> OpenedKey:
        private = load_der_private_key(self._cipher.open(key.private_key, key.place), password=None)
        return OpenedKey(
            key.kid, cast("ec.EllipticCurvePrivateKey", private), key.public_jwk, key.active_from
        )

    async def _known(self) -> Sequence[OpenedKey]:
        async with self._lock:
            now = self._source.clock()
            if self._loaded_at is None or not timedelta() <= now - self._loaded_at < RELOADED_AFTER:
                try:
                    await self.load()
                except Exception as error:
                    if not self._keys:
                        raise
                    log.warning("keyring.reload_failed", error=repr(error))
            return self._keys


class OwnKeys(KeySet):
    """The verifier's key set inside identity itself: the same keys, without asking itself over HTTP."""

    def __init__(self, keyring: Keyring) -> None:
        super().__init__("", max_age_seconds=RELOADED_AFTER.total_seconds())
        self._keyring = keyring

    async def refresh(self) -> None:
        """Take what the keyring publishes."""
        published = await self._keyring.published()
        self._keys = {key["kid"]: PyJWK(dict(key), algorithm=ALGORITHM) for key in published}
        self._fetched_at = asyncio.get_running_loop().time()
