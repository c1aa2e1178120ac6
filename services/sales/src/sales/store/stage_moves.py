"""The ways of deals through their pipelines, in SQL."""

from uuid import UUID

from sqlalchemy import bindparam, select

from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Reader
from sales.domain.stage_moves import DealStageMove

_MOVE = DealStageMove.__table__.c
LIST = ListQuery(
    select(
        _MOVE.id,
        _MOVE.from_pipeline_id,
        _MOVE.from_stage,
        _MOVE.to_pipeline_id,
        _MOVE.to_stage,
        _MOVE.moved_by,
        _MOVE.at,
        _MOVE.seconds_in_stage,
    ).where(_MOVE.org_id == bindparam("org_id"), _MOVE.deal_id == bindparam("deal_id")),
    key=_MOVE.id,
    sorts={"createdAt": _MOVE.at},
)


async def list_moves(reader: Reader, org_id: UUID, deal_id: UUID, query: PageQuery) -> PageRows | CursorRows:
    """One page of the moves of a deal."""
    return await LIST.page(reader, query, org_id=org_id, deal_id=deal_id)
