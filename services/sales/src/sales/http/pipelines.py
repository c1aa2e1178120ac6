"""Doors of pipelines."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from chassis.auth import Actor, system_actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.runtime import runtime_of
from chassis.schema import In, Instant, Line, Out, absent
from chassis.tx import Reading
from sales.domain.permissions import Permission
from sales.domain.pipelines import MAX_STAGES
from sales.http.shapes import StageKey
from sales.store import pipelines as store
from sales.usecases.pipelines import change_pipeline, create_pipeline, make_default

pipelines = router("pipelines")

MayRead = Annotated[Actor, Depends(Requires(Permission.DEALS_READ))]
MayManage = Annotated[Actor, Depends(Requires(Permission.PIPELINES_MANAGE))]

MAX_POSITION = 1_000_000


class StageIn(In):
    """A stage; without a key it gets one that is made of its name."""

    key: StageKey | None = None
    name: Line
    position: int | None = Field(
        None, ge=0, le=MAX_POSITION, strict=True, description="All stages have one, or none: as sent."
    )
    win_probability: int = Field(0, ge=0, le=100, strict=True)

    def stored(self) -> dict[str, Any]:
        """As the column keeps it: by API name."""
        return self.model_dump(by_alias=True)


StagesIn = Annotated[list[StageIn], Field(min_length=1, max_length=MAX_STAGES)]


class PipelineFields(In):
    """What a pipeline has besides its name."""

    is_default: bool = absent()

    def changes(self) -> dict[str, Any]:
        """The fields the client sent, the stages as they are kept."""
        sent = super().changes()
        stages: list[StageIn] | None = sent.get("stages")
        return sent if stages is None else sent | {"stages": [each.stored() for each in stages]}


class PipelineIn(PipelineFields):
    """A new pipeline."""

    name: Line
    stages: StagesIn


class PipelinePatch(PipelineFields):
    """What to change; stages are replaced as a whole, and what has the key of one that was is that one."""

    name: Line = absent()
    stages: StagesIn = absent()


class StageOut(Out):
    """A stage."""

    model_config = ConfigDict(alias_generator=to_camel)

    key: str
    name: str
    position: int
    win_probability: int


class PipelineOut(Out):
    """A pipeline with its stages in their order."""

    id: UUID
    name: str
    is_default: bool
    stages: list[StageOut]
    version: int
    created_at: Instant
    updated_at: Instant


class PipelinesQuery(PageQuery):
    """Query parameters of the list of pipelines."""

    sort_by: Literal["createdAt", "name"] = "createdAt"


async def default_pipeline(request: Request, actor: Actor, tx: Reading) -> Any:
    """The organisation's default pipeline, made now where nobody has needed one before."""
    found = await store.find_default(tx, actor.org_id)
    if found is not None:
        return found
    await tx.close()  # so that nobody who holds a connection waits for a second one
    async with runtime_of(request.app).source.tx(system_actor(actor.org_id)) as making:
        return await make_default(making)


@pipelines.get("/pipelines", response_model=listing(PipelineOut))
async def search(
    request: Request,
    actor: MayRead,
    query: Annotated[PipelinesQuery, Depends(PipelinesQuery.of)],
    tx: InReadTx,
) -> PageRows | CursorRows:
    """Pipelines, newest first unless another order is asked for."""
    await default_pipeline(request, actor, tx)
    return await store.list_pipelines(tx, actor.org_id, query)


@pipelines.post("/pipelines", response_model=PipelineOut, status_code=201)
async def create(_actor: MayManage, body: PipelineIn, tx: InTx) -> Any:
    """A new pipeline; as the default one it takes the place of the one that was."""
    return await create_pipeline(tx, body.changes())


@pipelines.get("/pipelines/{pipeline_id}", response_model=PipelineOut)
async def read(pipeline_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One pipeline."""
    return await store.show(tx, actor.org_id, pipeline_id)


@pipelines.patch("/pipelines/{pipeline_id}", response_model=PipelineOut)
async def change(pipeline_id: UUID, _actor: MayManage, body: PipelinePatch, tx: InTx) -> Any:
    """Change what is sent; a stage that has deals cannot be left out."""
    return await change_pipeline(tx, pipeline_id, body.changes())
