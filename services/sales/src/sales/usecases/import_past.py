"""What rows had before an import changed them: as much of it as there still is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.tx import Tx
from sales.domain.custom_fields import FieldEntity, fitting
from sales.domain.imports import Entity
from sales.domain.rows import CUSTOM, TAGS
from sales.store import custom_fields, import_lookups, pipelines, tags
from sales.usecases.pipelines import Place

Before = Mapping[str, Any]
"""The values of the columns that an import changed, as JSON keeps them."""


@dataclass(frozen=True, slots=True)
class Past:
    """Where some rows go back to; it stays as it is until the transaction ends."""

    spelling: Mapping[str, str]
    fields: Mapping[str, Any]
    companies: Collection[UUID]
    buyers: Mapping[UUID, UUID | None]
    stages: Collection[Place]

    def issue(self, target: Any, before: Before) -> str | None:
        """Why a row cannot go back; None where it can."""
        place, company_id = place_before(before), _id(before, "company_id")
        if place is not None and place not in self.stages:
            return "the stage where it was is gone"
        if company_id is not None and company_id not in self.companies:
            return "the company where it was is gone"
        contact_id = _id(before, "contact_id")
        if contact_id is not None and contact_id not in self.buyers:
            return "the contact that it had is gone"
        own_id = company_id if "company_id" in before else getattr(target, "company_id", None)
        if contact_id is not None and own_id not in {None, self.buyers[contact_id]}:
            return "the contact that it had is of another company now"
        return None

    def left(self, before: Before) -> dict[str, Any]:
        """What is given back: tags as they are called now and fields that there still are, without the others."""
        given = dict(before)
        if TAGS in given:
            given[TAGS] = [self.spelling[name] for name in given[TAGS] or () if name in self.spelling]
        if CUSTOM in given:
            given[CUSTOM] = fitting(self.fields, given[CUSTOM] or {})
        return given


async def hold_past(tx: Tx, entity: Entity, befores: Sequence[Before]) -> Past:
    """What these rows go back to; held before they are locked, as whoever changes or deletes one of these does."""
    org_id = tx.actor.org_id
    words = {name for before in befores for name in before.get(TAGS) or ()}
    is_labelled = any(CUSTOM in before for before in befores)
    places = {place for before in befores if (place := place_before(before)) is not None}
    held = [
        await pipelines.hold(tx, org_id, each) for each in sorted({place.pipeline_id for place in places})
    ]
    return Past(
        companies=await import_lookups.hold_companies(tx, _ids(befores, "company_id")),
        buyers=await import_lookups.buyers(tx, _ids(befores, "contact_id"), is_held=True),
        stages={Place(pipeline.id, stage["key"]) for pipeline in held for stage in pipeline.stages},
        spelling=await tags.spelt(tx, org_id, words),
        fields=await custom_fields.hold(tx, org_id, FieldEntity(entity)) if is_labelled else {},
    )


def place_before(before: Before) -> Place | None:
    """Where a deal that was moved has been; None also where code before pipelines had left it."""
    if before.get("pipeline_stage") is None:
        return None
    return Place(UUID(before["pipeline_id"]), before["pipeline_stage"])


def _id(before: Before, name: str) -> UUID | None:
    return UUID(before[name]) if before.get(name) else None


def _ids(befores: Sequence[Before], name: str) -> set[UUID]:
    return {found for before in befores if (found := _id(before, name)) is not None}
