"""What can be done with pipelines, and where a deal is put in one."""

from typing import Any, NamedTuple
from uuid import UUID

from chassis.tx import Tx
from sales.domain.pipelines import (
    DEFAULT_NAME,
    DEFAULT_STAGES,
    DefaultPipelineRequired,
    Pipeline,
    StageInUse,
    arranged_stages,
    stage_key,
)
from sales.domain.rows import Values, newborn
from sales.store import pipelines


class Place(NamedTuple):
    """Where a deal is: a pipeline and the key of one of its stages."""

    pipeline_id: UUID
    stage: str


async def place_in(tx: Tx, pipeline_id: UUID | None, stage: str | None) -> Place:
    """The stage that is named, or the first one, of the pipeline that is named, or the default one.

    The pipeline keeps that stage as long as the transaction runs. BadRequest when there is no such pipeline or stage.
    """
    org_id = tx.actor.org_id
    if pipeline_id is not None:
        pipeline = await pipelines.hold(tx, org_id, pipeline_id)
    else:
        pipeline = await pipelines.hold_default(tx, org_id)
        # None also where another one has just taken its place.
        pipeline = pipeline or await pipelines.hold(tx, org_id, (await make_default(tx)).id)
    return Place(pipeline.id, stage_key(pipeline.stages, stage))


async def make_default(tx: Tx) -> Any:
    """The default pipeline of an organisation that has none yet; made once, however many ask for it at a time."""
    org_id = tx.actor.org_id
    await pipelines.be_alone(tx, org_id)
    made_meanwhile = await pipelines.find_default(tx, org_id)
    if made_meanwhile is not None:
        return made_meanwhile
    begun = {"name": DEFAULT_NAME, "is_default": True, "stages": [dict(stage) for stage in DEFAULT_STAGES]}
    return await _make(tx, begun)


async def create_pipeline(tx: Tx, values: Values) -> Any:
    """A new pipeline; as the default one it takes the place of the one that was."""
    is_default = bool(values.get("is_default"))
    await make_default(tx)
    if is_default:
        await _dethrone(tx)
    stages = arranged_stages(values["stages"])
    return await _make(tx, {"name": values["name"], "is_default": is_default, "stages": stages})


async def change_pipeline(tx: Tx, pipeline_id: UUID, values: Values) -> Any:
    """Change the fields that were sent; StageInUse when a stage that is left out has deals."""
    org_id = tx.actor.org_id
    if "is_default" in values:
        await pipelines.be_alone(tx, org_id)
    pipeline = await pipelines.lock(tx.session, org_id, pipeline_id)
    tx.expect(pipeline)
    stages = arranged_stages(values["stages"]) if "stages" in values else pipeline.stages
    await _check_unused(tx, pipeline, {each["key"] for each in stages})
    if pipeline.is_default and not values.get("is_default", True):
        raise DefaultPipelineRequired("Make another pipeline the default one instead.")
    if values.get("is_default") and not pipeline.is_default:
        await _dethrone(tx)
        pipeline.is_default = True
    pipeline.name = values.get("name", pipeline.name)
    if stages != pipeline.stages:
        pipeline.stages = stages
    tx.record(pipeline, "UPDATE")
    return await pipelines.show(tx, org_id, pipeline_id)


async def _check_unused(tx: Tx, pipeline: Pipeline, kept: set[str]) -> None:
    removed = [stage["key"] for stage in pipeline.stages if stage["key"] not in kept]
    found = await pipelines.in_use(tx, pipeline.org_id, pipeline.id, removed) if removed else []
    if found:
        deals = {row.pipeline_stage: row.deals for row in found}
        raise StageInUse("There are deals in a stage that would be gone; move them first.", deals=deals)


async def _dethrone(tx: Tx) -> None:
    """The default pipeline is one no more; written at once, because there is never a second one."""
    pipeline = await pipelines.lock_default(tx.session, tx.actor.org_id)
    if pipeline is not None:
        pipeline.is_default = False
        tx.record(pipeline, "UPDATE")
        await tx.flush()


async def _make(tx: Tx, values: Values) -> Any:
    pipeline = Pipeline(**newborn(tx.actor.org_id, tx.now), **values)
    tx.add(pipeline)
    tx.record(pipeline, "CREATE")
    return await pipelines.show(tx, pipeline.org_id, pipeline.id)
