"""A mail to somebody: to whom, about what, with which words to fill in; the same however often it is tried."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate, Instant
from notifications.domain.rows import Row

ADDRESS_LENGTH = 320
"""RFC 5321 section 4.5.3.1: 64 octets, an at sign, 255 octets."""


class Template(StrEnum):
    """What mails exist, by the type they belong to."""

    INVOICE_SENT = "invoice.sent"
    MEMBER_INVITED = "member.invited"
    WELCOME = "account.welcome"
    VERIFY_EMAIL = "account.verify_email"
    PASSWORD_RESET = "account.password_reset"
    SECURITY_ALERT = "account.security_alert"


OF_A_PERSON = ""
"""The address of a mail to a person: identity is asked for the present one at every try."""


class Mail(Row, Aggregate):
    """A mail as it is to be written; its delivery is a row of its own."""

    __tablename__ = "email_message"
    __table_args__ = (
        UniqueConstraint("org_id", "event_id", "template", "to_address", name="uq_email_message_once"),
        UniqueConstraint("org_id", "message_id", name="uq_email_message_message_id"),
    )
    entity_type: ClassVar[str] = "EMAIL"
    redacted: ClassVar[frozenset[str]] = frozenset({"to_address", "content"})

    event_id: Mapped[UUID]
    message_id: Mapped[str | None] = mapped_column(String(255))
    template: Mapped[str] = mapped_column(String(64))
    to_address: Mapped[str] = mapped_column(String(ADDRESS_LENGTH))
    recipient_id: Mapped[UUID | None]
    about_type: Mapped[str] = mapped_column(String(64))
    about_id: Mapped[UUID]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)

    def name(self, domain: str) -> None:
        """Give it its Message-ID: from the event that caused it, the same on every try (RFC 5322 section 3.6.4)."""
        if self.message_id is None:
            self.message_id = f"<{self.event_id}.{self.id.hex}@{domain}>"

    def settle(self, now: datetime, *, is_sent: bool) -> None:
        """Note the outcome of its delivery."""
        self.version += 1
        self.updated_at = now
        if is_sent:
            self.sent_at = now
