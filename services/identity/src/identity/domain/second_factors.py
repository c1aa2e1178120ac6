"""Second factors: authenticator apps (TOTP, RFC 6238) and recovery codes; they are the person's, like the password."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import pyotp
from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict, Unauthenticated
from identity.domain.own_roles import Rights
from identity.domain.rows import Row

ISSUER = "Execos"
STEP_SECONDS = 30
NO_STEP = -1
CODES = 10
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without the letters and digits that are mistaken for one another."""
CODE_GROUPS, CODE_GROUP = 4, 4
"""Sixteen characters of five bits: too many to guess, so that a plain hash keeps them (unlike a password)."""


class SecondFactorMissing(Unauthenticated):
    """The password is right, and one of these methods is asked for too."""

    reason = "SECOND_FACTOR_REQUIRED"


class WrongSecondFactor(Unauthenticated):
    """A second factor was given, and it does not hold."""


class SecondFactorNeeded(Conflict):
    """An organisation of the person requires one, so the last cannot go."""

    reason = "SECOND_FACTOR_NEEDED"


class SecondFactor(Row):
    """The authenticator app of a person; only the system role reads this table. Unconfirmed, it opens nothing."""

    __tablename__ = "second_factor"
    __table_args__ = (ForeignKeyConstraint(["user_id"], ["user_account.id"]),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    seed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def accept(self, secret: str, code: str, now: datetime) -> bool:
        """Whether a code is right now or one step beside it, and newer than the last one that was (RFC 6238 5.2)."""
        totp, present = pyotp.TOTP(secret, interval=STEP_SECONDS), int(now.timestamp()) // STEP_SECONDS
        for step in range(present - 1, present + 2):
            if step > self.last_step and secrets.compare_digest(totp.generate_otp(step), code):
                self.last_step = step
                return True
        return False


class RecoveryCode(Row):
    """The hash of a code that has not been used; only the system role reads this table."""

    __tablename__ = "recovery_code"
    __table_args__ = (ForeignKeyConstraint(["user_id"], ["user_account.id"]),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Methods(NamedTuple):
    """What of second factors a person has."""

    has_totp: bool
    passkeys: int
    recovery_codes: int

    @property
    def factors(self) -> int:
        """How many there are; recovery codes stand in for a factor and are none."""
        return self.has_totp + self.passkeys

    def names(self) -> list[str]:
        """Which ones a sign-in may give, as its body names them."""
        present = {
            "totp": self.has_totp,
            "passkey": self.passkeys,
            "recoveryCode": self.recovery_codes and self.factors,
        }
        return [name for name, is_there in present.items() if is_there]


class Requirement(NamedTuple):
    """What one of a person's organisations says to them."""

    rights: Rights
    policy: str

    @property
    def is_binding(self) -> bool:
        """Whether this organisation requires a second factor of somebody with these rights."""
        return self.policy == "all" or (self.policy == "admins" and self.rights.administers)


def new_secret() -> str:
    """A seed as authenticator apps take it: 160 bits in base 32 (RFC 4226 4)."""
    return pyotp.random_base32()


def seed_place(user_id: UUID) -> str:
    """What the encryption of a seed is bound to."""
    return f"second_factor|seed|{user_id}|"


def provisioning_uri(secret: str, email: str) -> str:
    """The address that an app reads from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=ISSUER)


def new_codes() -> list[str]:
    """A set of recovery codes, as they are shown."""
    return ["-".join(_letters(CODE_GROUP) for _ in range(CODE_GROUPS)) for _ in range(CODES)]


def code_hash(user_id: UUID, code: str) -> bytes:
    """What is kept of a recovery code, however it was typed."""
    plain = "".join(code.upper().split()).replace("-", "")
    return hashlib.sha256(user_id.bytes + plain.encode()).digest()


def check_removable(left: int, requirements: Iterable[Requirement]) -> None:
    """Raise SecondFactorNeeded when none would be left and one is required."""
    if left == 0 and any(each.is_binding for each in requirements):
        raise SecondFactorNeeded("An organisation of yours requires a second factor; add another one first.")


def _letters(count: int) -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(count))
