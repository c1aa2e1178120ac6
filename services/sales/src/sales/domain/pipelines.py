"""Pipelines: the stages that an open deal goes through, in their order."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import Boolean, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import BadRequest, Conflict, Invalid
from chassis.rows import Aggregate
from sales.domain.rows import Row

Stage = dict[str, Any]
"""`key`, `name`, `position` and `winProbability`, as the API says them."""

MAX_KEY = 40
MAX_STAGES = 50
DEFAULT_NAME = "Sales"
DEFAULT_STAGES: Sequence[Stage] = tuple(
    {"key": name.lower(), "name": name, "position": place, "winProbability": probability}
    for place, (name, probability) in enumerate(
        (("Qualification", 10), ("Proposal", 30), ("Negotiation", 60), ("Commitment", 90)), start=1
    )
)


class StageInUse(Conflict):
    """A stage with deals cannot be taken away; details name the stages and how many deals each has."""

    reason = "STAGE_IN_USE"


class DefaultPipelineRequired(Conflict):
    """An organisation always has one default pipeline: another one takes its place, nothing else does."""

    reason = "DEFAULT_PIPELINE_REQUIRED"


class Pipeline(Row, Aggregate):
    """A way to sell. Its stages are in its row: their history, their version and their lock are the pipeline's."""

    __tablename__ = "pipeline"
    __table_args__ = (
        Index("uq_pipeline_default", "org_id", unique=True, postgresql_where=text("is_default")),
        Index("ix_pipeline_created", "org_id", "created_at", "id"),
    )
    entity_type: ClassVar[str] = "PIPELINE"

    name: Mapped[str] = mapped_column(String(255))
    is_default: Mapped[bool] = mapped_column(Boolean)
    stages: Mapped[list[Stage]] = mapped_column(JSONB)


def arranged_stages(stages: Sequence[Stage]) -> list[Stage]:
    """The stages in their order, each with a key and a position; Invalid when two have the same one.

    Without positions they are in the order in which they were sent; a key that is left out is made of the name.
    """
    positions = [stage["position"] for stage in stages]
    if None in positions and any(position is not None for position in positions):
        raise Invalid.field("stages", "must all have a position, or none of them")
    placed = [
        stage | {"position": place} if stage["position"] is None else stage
        for place, stage in enumerate(stages, start=1)
    ]
    if len({stage["position"] for stage in placed}) < len(placed):
        raise Invalid.field("stages", "has two stages at the same position")
    named = _with_keys(placed)
    if len({stage["key"] for stage in named}) < len(named):
        raise Invalid.field("stages", "has two stages with the same key")
    return sorted(named, key=lambda stage: int(stage["position"]))


def stage_key(stages: Sequence[Stage], wanted: str | None) -> str:
    """The key of the wanted stage, or of the first one; BadRequest when there is no such stage."""
    keys = [str(stage["key"]) for stage in stages]
    if wanted is None:
        return keys[0]
    if wanted not in keys:
        raise BadRequest("There is no such stage in this pipeline.", field="pipelineStage", allowed=keys)
    return wanted


def stage_named(stages: Sequence[Stage], wanted: str) -> str | None:
    """The key of the stage that has this key, or else is called so; case does not count."""
    sought = wanted.casefold()
    found = (stage["key"] for name in ("key", "name") for stage in stages if stage[name].casefold() == sought)
    return next(found, None)


def _with_keys(stages: Sequence[Stage]) -> list[Stage]:
    taken = {stage["key"] for stage in stages}
    named = []
    for stage in stages:
        key = stage["key"] or _free_key(stage["name"], taken)
        taken.add(key)
        named.append(stage | {"key": key})
    return named


def _free_key(name: str, taken: set[str | None]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[: MAX_KEY - 3].strip("_") or "stage"
    candidates = (stem if number == 1 else f"{stem}_{number}" for number in range(1, MAX_STAGES + 2))
    return next(candidate for candidate in candidates if candidate not in taken)
