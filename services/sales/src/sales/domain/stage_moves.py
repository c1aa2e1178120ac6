"""What a deal's way through its pipeline was: one row for each move, for good."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from sales.domain.pipelines import MAX_KEY
from sales.domain.rows import Row


class DealStageMove(Row):
    """From where to where, by whom, and how long the deal had been where it was."""

    __tablename__ = "deal_stage_move"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "deal_id"], ["deal.org_id", "deal.id"], name="fk_deal_stage_move_deal"
        ),
        Index("ix_deal_stage_move_deal", "org_id", "deal_id", "at"),
    )
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    deal_id: Mapped[UUID]
    from_pipeline_id: Mapped[UUID | None]
    from_stage: Mapped[str | None] = mapped_column(String(MAX_KEY))
    to_pipeline_id: Mapped[UUID]
    to_stage: Mapped[str] = mapped_column(String(MAX_KEY))
    moved_by: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(Instant)
    seconds_in_stage: Mapped[int] = mapped_column(BigInteger)
