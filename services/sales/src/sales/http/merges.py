"""Doors of merges: two companies become one, and two again."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Depends
from pydantic import model_validator

from chassis.auth import Actor
from chassis.guards import InTx, Requires
from chassis.http import router
from chassis.schema import In, Out
from sales.domain.permissions import Permission
from sales.http.companies import CompanyOut
from sales.usecases.merges import merge_companies, preview_merge, revert_merge

merges = router("companies")

MayMerge = Annotated[Actor, Depends(Requires(Permission.COMPANIES_MERGE))]
Choice = Literal["a", "b"]


class MergeFields(In):
    """Whose value counts: `a` is what survives, `b` what goes into it; without a word the survivor's, if it has one."""

    name: Choice | None = None
    industry: Choice | None = None
    website: Choice | None = None
    phone: Choice | None = None
    email: Choice | None = None
    legal_name: Choice | None = None
    vat_id: Choice | None = None
    address: Choice | None = None
    owner_user_id: Choice | None = None


class MergeIn(In):
    """Which company goes into which."""

    survivor_id: UUID
    merged_id: UUID
    fields: MergeFields = MergeFields()

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.survivor_id == self.merged_id:
            raise ValueError("a company cannot be merged into itself")
        return self

    def choices(self) -> dict[str, Choice]:
        """The choices by Python name."""
        return {name: choice for name, choice in self.fields.changes().items() if choice}


class MovesOut(Out):
    """How many rows change their company."""

    contacts: int
    leads: int
    deals: int
    notes: int


class MergePreviewOut(Out):
    """What a merge would make of the two."""

    survivor: CompanyOut
    moves: MovesOut


class MergeOut(Out):
    """A merge, and what survived."""

    merge_id: UUID
    survivor: CompanyOut


class MergeRevertedOut(MergeOut):
    """The merge that was undone, and both companies."""

    merged: CompanyOut


@merges.post("/companies/merge", response_model=MergeOut)
async def merge(_actor: MayMerge, body: MergeIn, tx: InTx) -> Any:
    """One company takes in another one, with its contacts, leads, deals and notes, at most 10,000; it can be undone."""
    return await merge_companies(tx, body.survivor_id, body.merged_id, body.choices())


@merges.post("/companies/merge/preview", response_model=MergePreviewOut)
async def preview_merging(_actor: MayMerge, body: MergeIn, tx: InTx) -> Any:
    """What a merge would make of two companies, and how much would move; nothing happens."""
    return await preview_merge(tx, body.survivor_id, body.merged_id, body.choices())


@merges.post("/companies/merges/{merge_id}/revert", response_model=MergeRevertedOut)
async def revert_merging(merge_id: UUID, _actor: MayMerge, tx: InTx) -> Any:
    """Both companies as they were, with what is still where the merge has put it."""
    return await revert_merge(tx, merge_id)
