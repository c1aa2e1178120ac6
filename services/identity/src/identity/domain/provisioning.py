"""Provisioning: what the platform asked for, and the steps to it, worked out from what is there."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from identity.domain.rows import Row


class Step(StrEnum):
    """What a new organisation needs beside its row and policies, in this order."""

    TEMPLATE = "template"
    DOMAIN = "domain"
    INVITATION = "invitation"


class Wanted(NamedTuple):
    """A tenant as the platform asks for it."""

    name: str
    slug: str
    owner_email: str
    template: str


class Provisioning(Row):
    """What was asked for when the platform made the organisation; the name may be another by now."""

    __tablename__ = "provisioning"
    __table_args__ = (
        PrimaryKeyConstraint("org_id"),
        ForeignKeyConstraint(["org_id"], ["organisation.org_id"]),
        CheckConstraint("owner_email = lower(owner_email)", name="owner_email"),
    )

    org_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(String(80))
    owner_email: Mapped[str] = mapped_column(String(254))
    template: Mapped[str] = mapped_column(String(40))
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @classmethod
    def of(cls, org_id: UUID, wanted: Wanted, now: datetime) -> "Provisioning":
        """A request of the platform's."""
        return cls(
            org_id=org_id,
            name=wanted.name,
            owner_email=wanted.owner_email,
            template=wanted.template,
            requested_at=now,
        )

    def is_for(self, wanted: Wanted) -> bool:
        """Whether the same was asked for before."""
        return (self.name, self.owner_email, self.template) == (
            wanted.name,
            wanted.owner_email,
            wanted.template,
        )


class Progress(NamedTuple):
    """Which of the steps are done."""

    has_template: bool
    has_domain: bool
    has_owner: bool

    @property
    def missing(self) -> Sequence[Step]:
        """The steps that are still to be done, in order."""
        return [step for step, is_done in zip(Step, self, strict=True) if not is_done]
