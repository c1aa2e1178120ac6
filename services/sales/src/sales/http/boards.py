"""The door of the board of deals; it stands before the doors of a single deal, because its path looks like one."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from pydantic import Field, StringConstraints, computed_field

from chassis.guards import InReadTx
from chassis.http import router
from chassis.money import Money
from chassis.schema import Out, Parameters, Text
from sales.http.deals import DealOut, MayRead
from sales.http.pipelines import PipelineOut, default_pipeline
from sales.store import pipelines
from sales.usecases.boards import Board, read_board

boards = router("deals")


class BoardQuery(Parameters):
    """Query parameters of the board."""

    pipeline: UUID | None = Field(None, description="The default pipeline when it is left out.")
    owner_user_id: UUID | None = None
    q: Annotated[Text, StringConstraints(max_length=255)] | None = Field(
        None, description="Text to be found."
    )

    def filters(self) -> dict[str, Any]:
        """The filters as the store knows them; None is no filter."""
        return {"owner_user_id": self.owner_user_id, "q": self.q or None}


class SumOut(Out):
    """What is in a column, in one currency."""

    currency: str
    minor: int = Field(exclude=True)

    @computed_field(examples=["1200.00"])  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def amount(self) -> str:
        """The sum as a decimal string with the currency's digits."""
        return str(Money(self.minor, self.currency))


class ColumnOut(Out):
    """A stage with its open deals: how many, their worth in each currency, and the newest 20."""

    stage: str
    name: str
    count: int
    sums: list[SumOut]
    items: list[DealOut]


class BoardOut(Out):
    """A pipeline and its open deals."""

    pipeline: PipelineOut
    columns: list[ColumnOut]


@boards.get("/deals/board", response_model=BoardOut)
async def board(
    request: Request, actor: MayRead, query: Annotated[BoardQuery, Depends(BoardQuery.of)], tx: InReadTx
) -> Board:
    """The open deals of a pipeline by stage, without those that are put away."""
    if query.pipeline is not None:
        pipeline = await pipelines.show(tx, actor.org_id, query.pipeline)
    else:
        pipeline = await default_pipeline(request, actor, tx)
    return await read_board(tx, actor.org_id, pipeline, query.filters(), tx.now)
