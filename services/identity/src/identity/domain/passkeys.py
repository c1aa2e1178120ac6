"""Passkeys (WebAuthn): public keys of people's authenticators, and challenges that are answered once."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict
from chassis.rows import Recorded
from identity.domain.rows import Row

CHALLENGE_LIFETIME = timedelta(minutes=5)
MAX_PASSKEYS = 20
MAX_NAME = 80
FIRST_NAME = "Passkey"


class PasskeyExists(Conflict):
    """This authenticator is registered already."""

    reason = "PASSKEY_EXISTS"


class Passkey(Row, Recorded):
    """A public key; it verifies its user itself, so it is both factors. Only the system role reads this table."""

    __tablename__ = "passkey"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        UniqueConstraint("credential_id"),
        Index("ix_passkey_user_id", "user_id"),
    )
    entity_type: ClassVar[str] = "PASSKEY"
    redacted: ClassVar[frozenset[str]] = frozenset({"credential_id", "public_key"})

    user_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def use(self, sign_count: int, now: datetime) -> None:
        """It has signed; the next signature must count further, else there is a copy of it."""
        self.sign_count, self.last_used_at = sign_count, now


class SpentChallenge(Row):
    """A challenge that was answered, until it is too old to be answered again."""

    __tablename__ = "spent_challenge"
    __table_args__ = (Index("ix_spent_challenge_expires_at", "expires_at"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
