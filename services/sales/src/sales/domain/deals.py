"""Deals: sales in the making, and their outcome."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic.alias_generators import to_camel
from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import CHAR
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import BadRequest, Conflict, Invalid
from chassis.money import Money
from chassis.rows import Aggregate, Instant
from chassis.states import IllegalTransition, check_move
from sales.domain.pipelines import MAX_KEY
from sales.domain.rows import Archivable, Labelled, Row


class DealStage(StrEnum):
    """How a deal stands."""

    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


DEAL_MOVES: Mapping[DealStage, frozenset[DealStage]] = {
    DealStage.OPEN: frozenset({DealStage.WON, DealStage.LOST}),
    DealStage.WON: frozenset({DealStage.OPEN}),
    DealStage.LOST: frozenset({DealStage.OPEN}),
}


REASONS: Mapping[DealStage, str] = {DealStage.WON: "won_reason", DealStage.LOST: "lost_reason"}


class OwnerRequired(Conflict):
    """The policy requireDealOwner wants somebody to be responsible."""

    reason = "OWNER_REQUIRED"


def check_owner(owner_user_id: UUID | None, *, is_required: bool) -> None:
    """Raise OwnerRequired when somebody must be named and nobody is."""
    if is_required and owner_user_id is None:
        raise OwnerRequired("A deal needs an owner in this organisation.", field="ownerUserId")


def take_reason(was: DealStage, stage: DealStage, fields: dict[str, Any]) -> str | None:
    """Take from the fields why a deal comes to a stage; one that is there already has its reason corrected by them.

    BadRequest for a reason of an outcome that the deal has not.
    """
    for outcome, name in REASONS.items():
        if outcome != stage and fields.pop(name, None) is not None:
            raise BadRequest(f"Only a deal that is {outcome} has this.", field=to_camel(name))
    return None if stage == was or stage not in REASONS else fields.pop(REASONS[stage], None)


class Deal(Row, Aggregate, Archivable, Labelled):
    """A sale; without a value `value_minor` is null, the currency is always there."""

    __tablename__ = "deal"
    __table_args__ = (
        CheckConstraint("stage IN ('OPEN', 'WON', 'LOST')", name="stage"),
        CheckConstraint("(stage = 'WON') = (won_at IS NOT NULL)", name="won"),
        CheckConstraint("(stage = 'LOST') = (lost_at IS NOT NULL)", name="lost"),
        CheckConstraint("value_minor >= 0", name="value"),
        ForeignKeyConstraint(
            ["org_id", "company_id"], ["company.org_id", "company.id"], name="fk_deal_company"
        ),
        ForeignKeyConstraint(
            ["org_id", "contact_id"], ["contact.org_id", "contact.id"], name="fk_deal_contact"
        ),
        ForeignKeyConstraint(["org_id", "lead_id"], ["lead.org_id", "lead.id"], name="fk_deal_lead"),
        ForeignKeyConstraint(
            ["org_id", "pipeline_id"], ["pipeline.org_id", "pipeline.id"], name="fk_deal_pipeline"
        ),
        Index("uq_deal_lead", "org_id", "lead_id", unique=True, postgresql_where=text("lead_id IS NOT NULL")),
        Index("ix_deal_created", "org_id", "created_at", "id"),
        Index("ix_deal_title", "org_id", text("lower(title)")),
        Index("ix_deal_stage", "org_id", "stage", "created_at"),
        Index("ix_deal_closing", "org_id", "expected_close_date", "id"),
        Index("ix_deal_company", "org_id", "company_id", "created_at"),
        Index("ix_deal_contact", "org_id", "contact_id"),
        Index("ix_deal_owner", "org_id", "owner_user_id", "created_at"),
    )
    entity_type: ClassVar[str] = "DEAL"
    amounts: ClassVar[Mapping[str, str]] = {"value_minor": "valueAmount"}

    title: Mapped[str] = mapped_column(String(255))
    stage: Mapped[str] = mapped_column(String(16))
    company_id: Mapped[UUID]
    contact_id: Mapped[UUID | None]
    owner_user_id: Mapped[UUID | None]
    value_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(CHAR(3))
    expected_close_date: Mapped[date | None]
    notes: Mapped[str | None] = mapped_column(String(10_000))
    won_at: Mapped[datetime | None] = mapped_column(Instant)
    won_reason: Mapped[str | None] = mapped_column(String(1000))
    lost_at: Mapped[datetime | None] = mapped_column(Instant)
    lost_reason: Mapped[str | None] = mapped_column(String(1000))
    lead_id: Mapped[UUID | None]
    lead_created_at: Mapped[datetime | None] = mapped_column(Instant)
    last_activity_at: Mapped[datetime] = mapped_column(Instant)
    # Null only in what code before pipelines has written.
    pipeline_id: Mapped[UUID | None]
    pipeline_stage: Mapped[str | None] = mapped_column(String(MAX_KEY))
    stage_entered_at: Mapped[datetime | None] = mapped_column(Instant)

    @property
    def value(self) -> Money | None:
        """What it is worth, when somebody has said so."""
        return None if self.value_minor is None else Money(self.value_minor, self.currency)

    def price(self, amount: Decimal | None, currency: str) -> None:
        """What it is worth from now on; Invalid when the amount has more digits than the currency."""
        try:
            self.value_minor = None if amount is None else Money.parse(amount, currency).minor
        except ValueError as refused:
            raise Invalid.field("valueAmount", str(refused)) from None
        self.currency = currency

    def check_on_its_way(self, pipeline_stage: str) -> None:
        """Raise IllegalTransition unless it is open and may go to another stage of a pipeline."""
        if self.stage != DealStage.OPEN:
            allowed = sorted(state.value for state in DEAL_MOVES[DealStage(self.stage)])
            told = {"from": self.stage, "to": pipeline_stage, "allowed": allowed}
            raise IllegalTransition("Only an open deal goes from stage to stage; reopen it first.", **told)

    def place(self, pipeline_id: UUID, pipeline_stage: str, now: datetime) -> int:
        """It is in that stage from now on; the seconds that it was in the one before."""
        since = self.stage_entered_at or self.created_at
        self.pipeline_id, self.pipeline_stage, self.stage_entered_at = pipeline_id, pipeline_stage, now
        return max(0, int((now - since).total_seconds()))

    def win(self, now: datetime, reason: str | None) -> bool:
        """OPEN to WON, for this reason; False when it is won already."""
        if self.stage == DealStage.WON:
            return False
        self._move(DealStage.WON)
        self.won_at = now
        self.won_reason = reason
        return True

    def lose(self, now: datetime, reason: str | None) -> bool:
        """OPEN to LOST, for this reason; False when it is lost already."""
        if self.stage == DealStage.LOST:
            return False
        self._move(DealStage.LOST)
        self.lost_at = now
        self.lost_reason = reason
        return True

    def reopen(self) -> None:
        """WON or LOST back to OPEN, in the stage where it was, as if it had never been decided."""
        self._move(DealStage.OPEN)
        self.won_at = self.won_reason = self.lost_at = self.lost_reason = None

    def _move(self, stage: DealStage) -> None:
        check_move(DEAL_MOVES, DealStage(self.stage), stage)
        self.stage = stage
