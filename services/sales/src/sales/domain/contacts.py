"""Contacts: the people at a company."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate
from sales.domain.channels import Channel, ChannelKind, primary_of, revised
from sales.domain.rows import Archivable, Labelled, Row, Values, assign


class Contact(Row, Aggregate, Archivable, Labelled):
    """A person; `email` and `phone` repeat the primary channels, so that lists can search and sort by them."""

    __tablename__ = "contact"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_contact_company"
        ),
        Index("ix_contact_created", "org_id", "created_at", "id"),
        Index("ix_contact_company", "org_id", "company_id", "created_at"),
        Index("ix_contact_name", "org_id", text("lower(name)")),
        Index("ix_contact_email", "org_id", text("lower(email)")),
        Index("ix_contact_owner", "org_id", "owner_user_id"),
    )
    entity_type: ClassVar[str] = "CONTACT"

    name: Mapped[str] = mapped_column(String(255))
    title: Mapped[str | None] = mapped_column(String(255))
    company_id: Mapped[UUID | None]
    channels: Mapped[list[Channel]] = mapped_column(JSONB)
    email: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(50))
    owner_user_id: Mapped[UUID | None]

    def revise(self, values: Values) -> None:
        """Set the fields that were sent: first all channels, then the shortcuts to the primary ones."""
        assign(
            self, {name: value for name, value in values.items() if name not in {*ChannelKind, "channels"}}
        )
        channels = revised(self.channels or [], values)
        if channels != self.channels:
            self.channels = channels
            self.email = primary_of(channels, ChannelKind.EMAIL)
            self.phone = primary_of(channels, ChannelKind.PHONE)
