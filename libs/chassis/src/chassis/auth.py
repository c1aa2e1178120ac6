"""Who acts and what they may do: token verification, `Actor`, `Requires` (design/security.md 1 and 5)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import jwt
import structlog
from jwt import PyJWK

from chassis.errors import Denied, Unauthenticated, Unavailable

log = structlog.get_logger()

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"
REQUIRED_CLAIMS = ["iss", "aud", "sub", "org", "scope", "sid", "ver", "jti", "iat", "nbf", "exp"]
LEEWAY_SECONDS = 5
MAX_CACHED_TOKENS = 10_000
UNKNOWN_KEY_COOLDOWN_SECONDS = 30
FAILED_FETCH_PAUSE_SECONDS = 5
WITHOUT_WILDCARD = frozenset({"platform", "ownership"})
"""Resources that must be named: platform administration, and what is the owner's alone."""


class ActorKind(StrEnum):
    """People, API keys, or the platform itself."""

    USER = "user"
    KEY = "key"
    SYSTEM = "system"


class TokenStale(Unauthenticated):
    """The membership changed since the token was made: refresh and go on."""

    reason = "TOKEN_STALE"


class TokenRevoked(Unauthenticated):
    """The session behind the token has ended."""

    reason = "TOKEN_REVOKED"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which organisation, with which permissions."""

    kind: ActorKind
    id: UUID | None
    org_id: UUID
    name: str
    email: str | None = None
    role: str = ""
    org_slug: str = ""
    scope: frozenset[str] = frozenset()
    session_id: str = ""
    version: int = 0
    is_strong: bool = False
    """Whether a second factor was given in this session."""
    maker_id: UUID | None = None
    """Of a key: the person who answers for it; `version` is that of their membership."""

    def may(self, permission: str) -> bool:
        """Whether the scope holds `permission`, itself or by `resource:*` or `*`."""
        resource = permission.partition(":")[0]
        return permission in self.scope or (
            resource not in WITHOUT_WILDCARD and not self.scope.isdisjoint({f"{resource}:*", "*"})
        )

    def must(self, permission: str) -> None:
        """Denied unless the scope holds `permission`."""
        if not self.may(permission):
            raise Denied("Your role does not allow this.", permission=permission)

    def snapshot(self) -> dict[str, str | None]:
        """Who it was, as kept in activity and audit entries."""
        return {
            "id": str(self.id) if self.id else None,
            "name": self.name,
            "email": self.email,
            "kind": self.kind.value,
        }


def system_actor(org_id: UUID) -> Actor:
    """The platform acting by itself in an organisation."""
    return Actor(ActorKind.SYSTEM, None, org_id, "Execos")


class KeySet:
    """The public signing keys of identity, fetched without blocking and kept while identity is away."""

    def __init__(self, url: str, *, max_age_seconds: float = 300) -> None:
        self._url = url
        self._max_age = max_age_seconds
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._missed_at = float("-inf")
        self._failed_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether any key is known."""
        return bool(self._keys)

    async def refresh(self) -> None:
        """Fetch the keys now; the old ones stay when identity does not answer."""
        import httpx2  # noqa: PLC0415 - heavy, and only needed when keys are fetched

        async with httpx2.AsyncClient(timeout=2) as client:
            answer = await client.get(self._url)
            answer.raise_for_status()
        self._keys = {key["kid"]: PyJWK(key, algorithm=ALGORITHM) for key in answer.json()["keys"]}
        self._fetched_at = asyncio.get_running_loop().time()

    async def key(self, kid: str) -> PyJWK:
        """The key of that id; Unauthenticated when identity does not publish it."""
        now = asyncio.get_running_loop().time()
        is_old = now - self._fetched_at > self._max_age and now - self._failed_at > FAILED_FETCH_PAUSE_SECONDS
        is_unknown = kid not in self._keys and now - self._missed_at > UNKNOWN_KEY_COOLDOWN_SECONDS
        if is_old or is_unknown or not self._keys:
            await self._refresh_once(kid)
        try:
            return self._keys[kid]
        except KeyError:
            raise Unauthenticated("The access token is not valid.") from None

    async def _refresh_once(self, kid: str) -> None:
        asked_at = asyncio.get_running_loop().time()
        async with self._lock:
            if max(self._fetched_at, self._failed_at, self._missed_at) >= asked_at and self._keys:
                return  # somebody else has asked meanwhile
            try:
                await self.refresh()
            except Exception as error:
                self._failed_at = asyncio.get_running_loop().time()
                log.warning("keys.fetch_failed", error=repr(error))
                if not self._keys:
                    raise Unavailable("Signing keys are not available yet; try again.") from error
            if kid not in self._keys:
                self._missed_at = asyncio.get_running_loop().time()


@dataclass
class DenyList:
    """Sessions that ended and the least membership version still accepted; fed by facts."""

    sessions: dict[str, float] = field(default_factory=dict)
    members: dict[tuple[UUID, UUID], tuple[int, float, bool]] = field(default_factory=dict)

    def end_session(self, session_id: str, until: float) -> None:
        """Refuse tokens of a session until that timestamp (seconds since the epoch)."""
        self.sessions[session_id] = until

    def raise_version(
        self, org_id: UUID, user_id: UUID, version: int, *, until: float, is_removed: bool
    ) -> None:
        """Refuse tokens of a membership that are older than `version`."""
        known = self.members.get((org_id, user_id))
        if known is None or known[0] <= version:
            self.members[org_id, user_id] = (version, until, is_removed)

    def is_outdated(self, org_id: UUID, user_id: UUID, version: int) -> bool:
        """Whether a membership has moved on from that version in what it lets its person do."""
        known = self.members.get((org_id, user_id))
        return known is not None and version < known[0]

    def check(self, actor: Actor) -> None:
        """Raise TokenRevoked or TokenStale when the actor's token no longer holds."""
        if actor.session_id in self.sessions:
            raise TokenRevoked("This session has ended; sign in again.")
        person_id = actor.maker_id or actor.id
        if person_id and self.is_outdated(actor.org_id, person_id, actor.version):
            if self.members[actor.org_id, person_id][2]:
                raise TokenRevoked("This membership has ended.")
            raise TokenStale("Your role has changed; refresh the access token.")

    def forget(self, now: float) -> None:
        """Drop what no living token can need any more."""
        self.sessions = {sid: until for sid, until in self.sessions.items() if until > now}
        self.members = {key: entry for key, entry in self.members.items() if entry[1] > now}


class TokenVerifier:
    """Turns an access token into an Actor; every service verifies, whatever the gateway did."""

    def __init__(
        self, keys: KeySet, *, issuer: str, audience: str, deny_list: DenyList | None = None
    ) -> None:
        self.keys = keys
        self.deny_list = deny_list or DenyList()
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[bytes, tuple[Actor, float]] = OrderedDict()

    async def verify(self, token: str) -> Actor:
        """The actor of a valid token; Unauthenticated, TokenStale or TokenRevoked otherwise."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is None:
            known = await self._decode(token)
            self._verified[digest] = known
            if len(self._verified) > MAX_CACHED_TOKENS:
                self._verified.popitem(last=False)
        actor, expires_at = known
        if time.time() > expires_at + LEEWAY_SECONDS:
            self._verified.pop(digest, None)
            raise Unauthenticated("The access token has expired.")
        self.deny_list.check(actor)
        return actor

    async def _decode(self, token: str) -> tuple[Actor, float]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthenticated("The access token is not valid.") from None
        if header.get("typ") != TOKEN_TYPE or "crit" in header or header.get("alg") != ALGORITHM:
            raise Unauthenticated("The access token is not valid.")
        key = await self.keys.key(str(header.get("kid", "")))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED_CLAIMS},
            )
            return _actor(claims), float(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            raise Unauthenticated("The access token is not valid.") from None


def _actor(claims: Mapping[str, Any]) -> Actor:
    kind = ActorKind(claims.get("kind", "user"))
    if kind is ActorKind.SYSTEM:
        raise ValueError("nobody is the platform itself by token")
    return Actor(
        kind=kind,
        id=UUID(claims["sub"]),
        org_id=UUID(claims["org"]),
        name=str(claims.get("name", "")),
        email=claims.get("email"),
        role=str(claims.get("role", "")),
        org_slug=str(claims.get("org_slug", "")),
        scope=frozenset(str(claims["scope"]).split()),
        session_id=str(claims["sid"]),
        version=int(claims["ver"]),
        is_strong=claims.get("mfa") is True,
        maker_id=UUID(claims["maker"]) if "maker" in claims else None,
    )
