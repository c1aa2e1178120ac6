"""Signing keys: when each signs and how long it is published, worked out from instants alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from sqlalchemy import DateTime, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.auth import ALGORITHM
from chassis.ids import new_id
from identity.domain.rows import Row
from identity.domain.sessions import ACCESS_TOKEN_LIFETIME

RELOADED_AFTER = timedelta(seconds=2)
"""How soon a process knows, and publishes, the keys that another one made."""
AFTERLIFE = ACCESS_TOKEN_LIFETIME + timedelta(minutes=1)
"""How long a key is published after it signed last: its last token must be dead."""
ROTATED_AFTER = timedelta(days=90)


class SigningKey(Row):
    """A key pair; the private half is encrypted. Only the system role reads this table."""

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    private_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    active_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @property
    def place(self) -> str:
        """What the encryption of the private half is bound to."""
        return f"signing_key|private_key|{self.kid}|"


class Dated(Protocol):
    """Anything with the instant from which it signs."""

    @property
    def active_from(self) -> datetime:
        """When it begins to sign."""


def announcement(jwks_cache: timedelta) -> timedelta:
    """How long a key is there before it signs: published everywhere for twice as long as verifiers keep keys."""
    return RELOADED_AFTER + 2 * jwks_cache


def new_pair() -> tuple[str, ec.EllipticCurvePrivateKey, dict[str, Any]]:
    """A key id, a private key and its public JWK."""
    kid = str(new_id())
    private = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return kid, private, {**public, "kid": kid, "use": "sig", "alg": ALGORITHM}


def signing(keys: Sequence[Dated], now: datetime) -> int | None:
    """The index of the key that signs now: the newest that has begun; the first one where the clock was set back."""
    begun = [index for index, key in enumerate(keys) if key.active_from <= now]
    if begun:
        return max(begun, key=lambda index: keys[index].active_from)
    return min(range(len(keys)), key=lambda index: keys[index].active_from, default=None)


def is_published(keys: Sequence[Dated], index: int, now: datetime) -> bool:
    """Whether verifiers may still need a key: it will sign, it signs, or a token of it may live."""
    later = [key.active_from for key in keys if key.active_from > keys[index].active_from]
    return not later or now < min(later) + AFTERLIFE


def next_start(keys: Sequence[Dated], now: datetime, announced: timedelta) -> datetime | None:
    """When a key made now would begin to sign; None while another one is already waiting."""
    if not keys:
        return now
    newest = max(key.active_from for key in keys)
    return None if newest > now else now + announced


def is_rotation_due(keys: Sequence[Dated], now: datetime, announced: timedelta) -> bool:
    """Whether there is no key, or the newest is so old that the next one should be made."""
    newest = max((key.active_from for key in keys), default=None)
    return newest is None or now - newest >= ROTATED_AFTER - announced
