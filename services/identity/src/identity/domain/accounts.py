"""Accounts: people, who belong to themselves whatever organisations they are members of."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, DateTime, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict, Denied
from chassis.rows import Recorded
from identity.domain.rows import Row

MAX_EMAIL = 190
MAX_PASSWORD = 256


class Account(Row, Recorded):
    """A person who can sign in once there is a password. Only the system role reads this table."""

    __tablename__ = "user_account"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email)", name="email"),
    )

    entity_type: ClassVar[str] = "ACCOUNT"
    redacted: ClassVar[frozenset[str]] = frozenset({"password_hash"})

    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(120))
    email_verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_active: Mapped[bool]
    is_platform_owner: Mapped[bool] = mapped_column(server_default=false())
    time_zone: Mapped[str | None] = mapped_column(String(64))
    locale: Mapped[str | None] = mapped_column(String(35))
    last_org_id: Mapped[UUID | None]
    last_login_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @classmethod
    def of(cls, email: str, name: str, now: datetime, *, password_hash: str | None = None) -> "Account":
        """A new person."""
        return cls(
            # Version 4: the time in a version 7 would tell an inviter that the address was known before.
            id=uuid4(),
            version=1,
            created_at=now,
            updated_at=now,
            email=email,
            name=name,
            password_hash=password_hash,
            is_active=True,
            is_platform_owner=False,
        )

    @property
    def is_claimed(self) -> bool:
        """Whether its person has shown up: until then it is only an address that somebody has invited."""
        return self.password_hash is not None or self.last_login_at is not None

    def claim(self, name: str, password_hash: str, now: datetime) -> None:
        """Its person has come, by a link in a mail to this address, which is theirs thereby."""
        self.name, self.password_hash = name, password_hash
        self.email_verified_at = now

    def confirm_email(self, now: datetime) -> bool:
        """The person has shown that the address is theirs; False when that was known."""
        if self.email_verified_at is not None:
            return False
        self.email_verified_at = now
        return True


class EmailTaken(Conflict):
    """Somebody else has the address."""

    reason = "EMAIL_TAKEN"


class EmailNotVerified(Denied):
    """The organisation lets in only people who have confirmed their address (policy requireVerifiedEmail)."""

    reason = "EMAIL_NOT_VERIFIED"


def normal_email(text: str) -> str:
    """An address as it is stored and compared: without edge spaces, lower case (ASCII lower-casing as in SQL)."""
    return text.strip().lower()
