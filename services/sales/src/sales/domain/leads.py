"""Leads: possible sales, until they are a deal or not worth pursuing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Conflict
from chassis.rows import Aggregate, Instant
from chassis.states import check_move
from sales.domain.rows import Archivable, Labelled, Row


class LeadStage(StrEnum):
    """Where a lead stands."""

    NEW = "NEW"
    QUALIFIED = "QUALIFIED"
    DISQUALIFIED = "DISQUALIFIED"
    CONVERTED = "CONVERTED"


class LeadCategory(StrEnum):
    """How likely it looks."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"
    DORMANT = "dormant"


HOT_FOR, WARM_FOR, COLD_FOR = timedelta(days=7), timedelta(days=30), timedelta(days=90)
"""How long after anything has happened to it a lead of which nobody has said so is hot, warm, cold."""


LEAD_MOVES: Mapping[LeadStage, frozenset[LeadStage]] = {
    LeadStage.NEW: frozenset({LeadStage.QUALIFIED, LeadStage.DISQUALIFIED}),
    LeadStage.QUALIFIED: frozenset({LeadStage.NEW, LeadStage.DISQUALIFIED}),
    LeadStage.DISQUALIFIED: frozenset({LeadStage.NEW}),
    LeadStage.CONVERTED: frozenset(),
}
"""The moves by name or by PATCH. CONVERTED is reached only by converting, from the stages in CONVERTIBLE."""

OPEN_STAGES = (LeadStage.NEW, LeadStage.QUALIFIED)
"""Where somebody still has to do something: only there a lead grows stale."""

CONVERTIBLE: Mapping[LeadStage, frozenset[LeadStage]] = {
    LeadStage.NEW: frozenset({LeadStage.CONVERTED}),
    LeadStage.QUALIFIED: frozenset({LeadStage.CONVERTED}),
    LeadStage.DISQUALIFIED: LEAD_MOVES[LeadStage.DISQUALIFIED],
}


class LeadAlreadyConverted(Conflict):
    """A lead becomes a deal once; details name the deal."""

    reason = "LEAD_ALREADY_CONVERTED"


class Lead(Row, Aggregate, Archivable, Labelled):
    """A possible sale. The deal it became refers to it by `lead_id`, which is unique."""

    __tablename__ = "lead"
    __table_args__ = (
        CheckConstraint("stage IN ('NEW', 'QUALIFIED', 'DISQUALIFIED', 'CONVERTED')", name="stage"),
        CheckConstraint("(stage = 'CONVERTED') = (converted_deal_id IS NOT NULL)", name="converted"),
        CheckConstraint("category IN ('hot', 'warm', 'cold', 'dormant')", name="category"),
        ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_lead_company"
        ),
        ForeignKeyConstraint(
            ["org_id", "contact_id"], ["contact.org_id", "contact.id"], name="fk_lead_contact"
        ),
        Index("ix_lead_created", "org_id", "created_at", "id"),
        Index("ix_lead_title", "org_id", text("lower(title)")),
        Index("ix_lead_stage", "org_id", "stage", "created_at"),
        Index("ix_lead_company", "org_id", "company_id"),
        Index("ix_lead_contact", "org_id", "contact_id"),
        Index("ix_lead_owner", "org_id", "owner_user_id", "created_at"),
    )
    entity_type: ClassVar[str] = "LEAD"

    title: Mapped[str] = mapped_column(String(255))
    stage: Mapped[str] = mapped_column(String(16))
    source: Mapped[str | None] = mapped_column(String(100))
    category: Mapped[str | None] = mapped_column(String(16))
    notes: Mapped[str | None] = mapped_column(String(10_000))
    company_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    owner_user_id: Mapped[UUID | None]
    disqualified_reason: Mapped[str | None] = mapped_column(String(1000))
    converted_deal_id: Mapped[UUID | None]
    converted_at: Mapped[datetime | None] = mapped_column(Instant)

    def qualify(self) -> None:
        """NEW to QUALIFIED."""
        self._move(LeadStage.QUALIFIED)

    def disqualify(self, reason: str | None) -> None:
        """Not worth pursuing, for this reason."""
        self._move(LeadStage.DISQUALIFIED)
        self.disqualified_reason = reason

    def reopen(self) -> None:
        """Back to NEW."""
        self._move(LeadStage.NEW)
        self.disqualified_reason = None

    def check_convertible(self) -> None:
        """Raise LeadAlreadyConverted or IllegalTransition unless it can become a deal."""
        if self.converted_deal_id is not None:
            raise LeadAlreadyConverted("This lead is a deal already.", dealId=str(self.converted_deal_id))
        check_move(CONVERTIBLE, LeadStage(self.stage), LeadStage.CONVERTED)

    def convert(self, deal_id: UUID, now: datetime) -> None:
        """It became this deal, for good."""
        self.check_convertible()
        self.stage = LeadStage.CONVERTED
        self.converted_deal_id = deal_id
        self.converted_at = now

    def _move(self, stage: LeadStage) -> None:
        check_move(LEAD_MOVES, LeadStage(self.stage), stage)
        self.stage = stage
