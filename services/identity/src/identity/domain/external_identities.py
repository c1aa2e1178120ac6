"""External identities: as whom an OpenID provider knows a person of ours."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import DateTime, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Denied
from chassis.rows import Recorded
from identity.domain.rows import Row

MAX_SUBJECT = 255
"""OpenID Connect Core 2: a subject is at most 255 ASCII characters."""


@dataclass(frozen=True)
class Vouched:
    """What a provider says of whoever signed in there, with its signature checked."""

    provider: str
    subject: str
    email: str | None
    is_email_verified: bool
    is_multi_factor: bool


class NotAdmitted(Denied):
    """Whoever the provider vouches for has no way in here; why is not told."""

    reason = "NOT_ADMITTED"

    def __init__(self) -> None:
        super().__init__("Nobody is let in with this identity.")


class ExternalIdentity(Row, Recorded):
    """The link from a provider's subject to an account. Only the system role reads this table."""

    __tablename__ = "external_identity"
    __table_args__ = (
        UniqueConstraint("provider", "subject"),
        # A second subject of one provider for a person is somebody else who was given their old address.
        UniqueConstraint("user_id", "provider"),
        ForeignKeyConstraint(["user_id"], ["user_account.id"]),
    )

    entity_type: ClassVar[str] = "IDENTITY"

    user_id: Mapped[UUID]
    provider: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT))
    email: Mapped[str] = mapped_column(String(254))
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @classmethod
    def of(cls, user_id: UUID, email: str, vouched: Vouched, now: datetime) -> "ExternalIdentity":
        """A new link."""
        return cls(
            id=uuid4(),
            version=1,
            created_at=now,
            updated_at=now,
            user_id=user_id,
            provider=vouched.provider,
            subject=vouched.subject,
            email=email,
            last_used_at=now,
        )
