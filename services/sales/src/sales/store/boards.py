"""The board of a pipeline in SQL: counts and sums of all its open deals, and the newest of each stage."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, String, Uuid, and_, bindparam, func, literal_column, or_, select

from chassis.queries import Lookup, Reader, Rows
from sales.domain.deals import DealStage
from sales.store.deals import DEAL, SHOWN
from sales.store.embedded import contains

SHOWN_PER_COLUMN = 20

_STAGE = func.coalesce(DEAL.pipeline_stage, bindparam("first_stage", type_=String))
"""Where a deal is; one that older code has written is in the first stage of the default pipeline."""

_ON_BOARD = and_(
    DEAL.stage == literal_column(f"'{DealStage.OPEN.value}'"),
    DEAL.archived_at.is_(None),
    or_(
        DEAL.pipeline_id == bindparam("pipeline_id", type_=Uuid),
        and_(DEAL.pipeline_id.is_(None), bindparam("is_default", type_=Boolean)),
    ),
    or_(
        bindparam("owner_user_id", type_=Uuid).is_(None),
        DEAL.owner_user_id == bindparam("owner_user_id", type_=Uuid),
    ),
    or_(bindparam("q", type_=String).is_(None), contains(DEAL.title)),
)

FIGURES = Lookup(
    select(
        _STAGE.label("stage"),
        DEAL.currency,
        func.count().label("count"),
        func.sum(DEAL.value_minor).label("value_minor"),
    )
    .where(DEAL.org_id == bindparam("org_id"), _ON_BOARD)
    .group_by(literal_column("1"), DEAL.currency)
    .order_by(DEAL.currency)
)
_RANKED = (
    select(
        DEAL.org_id,
        DEAL.id,
        func.row_number()
        .over(partition_by=_STAGE, order_by=(DEAL.created_at.desc(), DEAL.id))
        .label("place"),
    )
    .where(DEAL.org_id == bindparam("org_id"), _ON_BOARD)
    .subquery()
)
NEWEST = Lookup(
    SHOWN.where(
        DEAL.id.in_(
            select(_RANKED.c.id).where(
                _RANKED.c.org_id == bindparam("org_id"), _RANKED.c.place <= SHOWN_PER_COLUMN
            )
        )
    ).order_by(DEAL.created_at.desc(), DEAL.id)
)


async def figures(reader: Reader, org_id: UUID, wanted: Mapping[str, Any]) -> Rows:
    """How many open deals a pipeline has in each stage and currency, and what they are worth."""
    return await reader.rows(FIGURES, org_id=org_id, **wanted)


async def newest(reader: Reader, org_id: UUID, wanted: Mapping[str, Any], *, now: datetime) -> Rows:
    """The newest open deals of each stage of a pipeline, as a list shows them."""
    return await reader.rows(NEWEST, org_id=org_id, now=now, **wanted)
