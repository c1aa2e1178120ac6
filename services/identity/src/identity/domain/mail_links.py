"""Links in mails: each is good for one thing, once, for a while. Their texts are sealed, not stored."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from chassis.ids import new_id
from identity.domain.accounts import Account
from identity.domain.rows import Row

LIFETIME = timedelta(minutes=30)
MAILS_PER_HOUR = 5
"""How many mails of one kind a person is sent, whoever asks for them."""


class LinkKind(StrEnum):
    """What a link is for. Invitations keep rows of their own."""

    INVITATION = "INVITATION"
    PASSWORD_RESET = "PASSWORD_RESET"
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    EMAIL_CHANGE = "EMAIL_CHANGE"


PATHS = {
    LinkKind.INVITATION: "/invite/",
    LinkKind.PASSWORD_RESET: "/reset/",
    LinkKind.EMAIL_VERIFICATION: "/verify/",
    LinkKind.EMAIL_CHANGE: "/verify/",
}
"""Where a link leads, without its token (spec/wire.md 7)."""


class MailLink(Row):
    """One link to one mailbox; facts of it are told in `home_org_id`. Only the system role reads this table."""

    __tablename__ = "mail_link"
    __table_args__ = (
        CheckConstraint("kind IN ('PASSWORD_RESET', 'EMAIL_VERIFICATION', 'EMAIL_CHANGE')", name="kind"),
        ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        Index("ix_mail_link_user_id_kind_created_at", "user_id", "kind", "created_at"),
        Index("ix_mail_link_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[UUID]
    home_org_id: Mapped[UUID]
    email: Mapped[str] = mapped_column(String(254))
    new_email: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    voided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @classmethod
    def of(
        cls, kind: LinkKind, account: Account, org_id: UUID, now: datetime, *, mailbox: str | None = None
    ) -> "MailLink":
        """A link to a person's own mailbox, or to another one, that lives from now on."""
        return cls(
            id=new_id(),
            kind=kind,
            user_id=account.id,
            home_org_id=org_id,
            email=mailbox or account.email,
            created_at=now,
            expires_at=now + LIFETIME,
        )

    def is_alive(self, now: datetime) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and self.voided_at is None and now < self.expires_at
