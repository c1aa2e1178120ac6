"""What can be done with the board of a pipeline: looking at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.money import Money
from chassis.queries import Reader
from sales.store import boards


@dataclass(frozen=True, slots=True)
class Column:
    """A stage, how many deals are in it, what they are worth in each currency, and the newest of them."""

    stage: str
    name: str
    count: int
    sums: Sequence[Money]
    items: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Board:
    """The open deals of a pipeline, by stage."""

    pipeline: Any
    columns: Sequence[Column]


async def read_board(
    reader: Reader, org_id: UUID, pipeline: Any, filters: Mapping[str, Any], now: datetime
) -> Board:
    """The board of a pipeline, of all its open deals or of those that the filters leave."""
    first = pipeline.stages[0]["key"]
    wanted = {"pipeline_id": pipeline.id, "is_default": pipeline.is_default, "first_stage": first, **filters}
    figures = await boards.figures(reader, org_id, wanted)
    newest = await boards.newest(reader, org_id, wanted, now=now)
    columns = [
        Column(
            stage=stage["key"],
            name=stage["name"],
            count=sum(row.count for row in figures if row.stage == stage["key"]),
            sums=[
                Money(int(row.value_minor), row.currency)
                for row in figures
                if row.stage == stage["key"] and row.value_minor is not None
            ],
            items=[deal for deal in newest if (deal.pipeline_stage or first) == stage["key"]],
        )
        for stage in pipeline.stages
    ]
    return Board(pipeline, columns)
