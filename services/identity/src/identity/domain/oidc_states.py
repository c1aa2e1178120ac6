"""Sign-ins that a browser has begun and an OpenID provider has to finish."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Unauthenticated
from identity.domain.rows import Row

STATE_LIFETIME = timedelta(minutes=10)
MAX_RETURN_PATH = 512


class SignInLost(Unauthenticated):
    """The answer of a provider belongs to no sign-in that this browser has begun and that still waits."""

    reason = "SIGN_IN_LOST"


class OidcState(Row):
    """One use of `state`: what the provider's answer is held against. Only the system role reads this table."""

    __tablename__ = "oidc_state"
    __table_args__ = (Index("ix_oidc_state_expires_at", "expires_at"),)

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    provider: Mapped[str] = mapped_column(String(32))
    nonce: Mapped[str] = mapped_column(String(64))
    code_verifier: Mapped[str] = mapped_column(String(128))
    org_slug: Mapped[str | None] = mapped_column(String(63))
    return_to: Mapped[str] = mapped_column(String(MAX_RETURN_PATH))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @property
    def wanted(self) -> frozenset[str]:
        """The slug of the organisation to sign in to, where one was named."""
        return frozenset({self.org_slug}) if self.org_slug else frozenset()


@dataclass(frozen=True)
class Begun:
    """What the browser takes along: `state` to the provider, `browser` in a cookie of its own."""

    state: str
    browser: str
    row: OidcState


def fingerprint(text: str) -> bytes:
    """How a text that only the browser keeps is stored: 256 bits of chance need no slow hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def is_local_path(text: str) -> bool:
    """Whether a browser that is sent there stays on our host: no scheme, no host, nothing that breaks a header."""
    is_plain = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    return is_plain and text.startswith("/") and not text.startswith("//")
