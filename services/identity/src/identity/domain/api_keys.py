"""API keys: how they are written, what they may be given, how long they live (design/security.md 3)."""

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.auth import Actor
from chassis.errors import Conflict, Denied, Invalid
from chassis.ids import new_id
from chassis.rows import Aggregate
from identity.domain.permissions import CATALOGUE, KNOWN
from identity.domain.rows import Row

DEFAULT_LIFETIME = timedelta(days=90)
MAX_LIFETIME = timedelta(days=365)
DEFAULT_RATE = 1000
MAX_RATE = 1_000_000
TOKEN_LIFETIME = timedelta(minutes=2)
"""How long an access token lives that stands for a key; only the gateway and the services ever see one."""
USE_NOTED_AFTER = timedelta(minutes=5)
"""How coarse `last_used_at` is."""

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LENGTH, CHECKSUM_LENGTH = 30, 6
PREFIX_LENGTH = len("exk_live_") + 4
WRITTEN = re.compile(r"exk_(?:live|test)_[0-9A-Za-z]{36}")
FOR_PEOPLE = frozenset(
    permitted.key.partition(":")[0] for permitted in CATALOGUE if permitted.context == "identity"
)
"""Resources that a key may at most read: whoever administers the organisation and who may do what is a person (W7)."""
RESOURCES = frozenset(permitted.key.partition(":")[0] for permitted in CATALOGUE)


class ApiKey(Row, Aggregate):
    """Access for another system, with a part of what the person may do who made it."""

    __tablename__ = "api_key"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "created_by_user_id"], ["membership.org_id", "membership.id"]),
        Index("ix_api_key_created_at", "org_id", "created_at", "id"),
        Index("ix_api_key_creator", "org_id", "created_by_user_id"),
        # A key names nothing but itself; read by the system role only.
        Index("ix_api_key_digest", "digest"),
    )
    entity_type: ClassVar[str] = "API_KEY"
    redacted: ClassVar[frozenset[str]] = frozenset({"digest"})

    name: Mapped[str] = mapped_column(String(80))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    prefix: Mapped[str] = mapped_column(String(16))
    last_four: Mapped[str] = mapped_column(String(4))
    scopes: Mapped[list[str]] = mapped_column(JSONB)
    rate_limit_per_hour: Mapped[int] = mapped_column(Integer)
    created_by_user_id: Mapped[UUID]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    successor_id: Mapped[UUID | None]

    @classmethod
    def of(cls, actor: Actor, text: str, now: datetime, **values: object) -> "ApiKey":
        """A new key of somebody in their organisation; of its text only what recognises it is kept."""
        return cls(
            org_id=actor.org_id,
            id=new_id(),
            version=1,
            created_at=now,
            updated_at=now,
            created_by_user_id=actor.id,
            digest=hashlib.sha256(text.encode()).digest(),
            prefix=text[:PREFIX_LENGTH],
            last_four=text[-4:],
            **values,
        )

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and now < self.expires_at

    def revoke(self, now: datetime) -> None:
        """End it at once; Conflict when it has ended already."""
        if self.revoked_at is not None:
            raise Conflict("This key is revoked already.")
        self.revoked_at = now

    def succeed(self, actor: Actor, text: str, now: datetime, overlap: timedelta) -> "ApiKey":
        """The key that replaces this one, for as long again; this one lives on for the overlap."""
        if not self.is_live(now) or self.successor_id is not None:
            raise Conflict("Only a key that is alive and has no successor can be rotated.")
        check_held(actor, self.scopes)
        new = ApiKey.of(
            actor,
            text,
            now,
            name=self.name,
            scopes=self.scopes,
            rate_limit_per_hour=self.rate_limit_per_hour,
            expires_at=now + (self.expires_at - self.created_at),
        )
        self.successor_id = new.id
        if overlap:
            self.expires_at = min(self.expires_at, now + overlap)
        else:
            self.revoke(now)
        return new


def new_text(*, is_production: bool) -> str:
    """The text of a new key, with its checksum."""
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    text = f"exk_{'live' if is_production else 'test'}_{secret}"
    return text + _checksum(text)


def digest_of(text: str) -> bytes | None:
    """What a key is found by, or None when it is mistyped or never was one: then nobody needs to look."""
    if not WRITTEN.fullmatch(text) or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    return hashlib.sha256(text.encode()).digest()


def check_scopes(actor: Actor, scopes: Sequence[str]) -> None:
    """Invalid unless each scope exists, is for keys at all, and is held by who gives it; a wildcard only as such."""
    fields = [
        {"field": f"scopes.{index}", "issues": [issue]}
        for index, scope in enumerate(scopes)
        if (issue := _issue(actor, scope))
    ]
    if fields:
        raise Invalid(fields=fields)


def check_held(actor: Actor, scopes: Sequence[str]) -> None:
    """Denied unless the actor may do all of that: who rotates a key gets to know the new one."""
    if not all(actor.may(scope) for scope in scopes):
        raise Denied("You may not do everything that this key may.")


def granted(scopes: Sequence[str], creator: Actor) -> list[str]:
    """What a key may do now: of its scopes what its creator may do now."""
    named = [scope for scope in scopes if creator.may(scope)]
    wildcards = {scope[:-1] for scope in scopes if scope.endswith(":*") and scope not in named}
    narrowed = (each for each in KNOWN if each.startswith(tuple(wildcards)) and creator.may(each))
    return sorted({*named, *narrowed})


def check_expiry(expires_at: datetime | None, now: datetime) -> datetime:
    """When a new key ends; Invalid unless that is ahead and within a year."""
    wanted = expires_at or now + DEFAULT_LIFETIME
    if not now < wanted <= now + MAX_LIFETIME:
        raise Invalid.field("expiresAt", f"must be ahead, by at most {MAX_LIFETIME.days} days")
    return wanted


def _issue(actor: Actor, scope: str) -> str | None:
    resource, _, verb = scope.partition(":")
    if scope not in KNOWN and not (resource in RESOURCES and verb == "*"):
        return "is not a permission"
    if resource in FOR_PEOPLE and verb != "read":
        return "cannot be given to a key"
    return None if actor.may(scope) else "is not among your own permissions"


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
