"""Pipelines in SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import BadRequest, NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from sales.domain.deals import Deal
from sales.domain.pipelines import Pipeline

PIPELINE = Pipeline.__table__.c
DEAL = Deal.__table__.c

_SHOWN = select(
    PIPELINE.id,
    PIPELINE.version,
    PIPELINE.name,
    PIPELINE.is_default,
    PIPELINE.stages,
    PIPELINE.created_at,
    PIPELINE.updated_at,
).where(PIPELINE.org_id == bindparam("org_id"))
BY_ID = Lookup(_SHOWN.where(PIPELINE.id == bindparam("pipeline_id")), row_type=Pipeline, key="pipeline_id")
_DEFAULT = Lookup(_SHOWN.where(PIPELINE.is_default))
# Held as it is until the deal is in it: whoever changes its stages locks the whole row.
_HELD = _SHOWN.with_for_update(read=True, key_share=True)
_HELD_BY_ID = Lookup(_HELD.where(PIPELINE.id == bindparam("pipeline_id")))
_HELD_DEFAULT = Lookup(_HELD.where(PIPELINE.is_default))
_ALONE = Lookup(
    select(func.pg_advisory_xact_lock(func.hashtext("sales.pipelines"), func.hashtext(bindparam("org_text"))))
)
_IN_USE = Lookup(
    select(DEAL.pipeline_stage, func.count().label("deals"))
    .where(
        DEAL.org_id == bindparam("org_id"),
        DEAL.pipeline_id == bindparam("pipeline_id"),
        DEAL.pipeline_stage == func.any(bindparam("stages")),
    )
    .group_by(DEAL.pipeline_stage)
    .order_by(DEAL.pipeline_stage)
)
LIST = ListQuery(
    _SHOWN, key=PIPELINE.id, sorts={"createdAt": PIPELINE.created_at, "name": func.lower(PIPELINE.name)}
)


async def list_pipelines(reader: Reader, org_id: UUID, query: PageQuery) -> PageRows | CursorRows:
    """One page."""
    return await LIST.page(reader, query, org_id=org_id)


async def show(reader: Reader, org_id: UUID, pipeline_id: UUID) -> Any:
    """One pipeline as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, pipeline_id=pipeline_id)
    if not rows:
        raise NotFound("There is no such pipeline.")
    return rows[0]


async def find_default(reader: Reader, org_id: UUID) -> Any:
    """The default pipeline; None before an organisation has first needed one."""
    rows = await reader.rows(_DEFAULT, org_id=org_id)
    return rows[0] if rows else None


async def hold(reader: Reader, org_id: UUID, pipeline_id: UUID) -> Any:
    """The pipeline that a deal is put into, held as it is; BadRequest when it does not exist here."""
    rows = await reader.rows(_HELD_BY_ID, org_id=org_id, pipeline_id=pipeline_id)
    if not rows:
        raise BadRequest("There is no such pipeline.", field="pipelineId")
    return rows[0]


async def hold_default(reader: Reader, org_id: UUID) -> Any:
    """The default pipeline, held as it is; None before an organisation has first needed one."""
    rows = await reader.rows(_HELD_DEFAULT, org_id=org_id)
    return rows[0] if rows else None


async def be_alone(reader: Reader, org_id: UUID) -> None:
    """Wait until nobody else is changing which pipeline of the organisation is the default one."""
    await reader.rows(_ALONE, org_text=str(org_id))


async def in_use(reader: Reader, org_id: UUID, pipeline_id: UUID, stages: Sequence[str]) -> Rows:
    """The stages of a pipeline among these that have deals, whatever became of them, and how many."""
    return await reader.rows(_IN_USE, org_id=org_id, pipeline_id=pipeline_id, stages=list(stages))


async def lock(session: AsyncSession, org_id: UUID, pipeline_id: UUID) -> Pipeline:
    """A pipeline to be changed; NotFound when it does not exist here."""
    wanted = select(Pipeline).where(Pipeline.org_id == org_id, Pipeline.id == pipeline_id).with_for_update()
    pipeline = await session.scalar(wanted)
    if pipeline is None:
        raise NotFound("There is no such pipeline.")
    return pipeline


async def lock_default(session: AsyncSession, org_id: UUID) -> Pipeline | None:
    """The default pipeline, to be changed."""
    wanted = select(Pipeline).where(Pipeline.org_id == org_id, Pipeline.is_default).with_for_update()
    return await session.scalar(wanted)
