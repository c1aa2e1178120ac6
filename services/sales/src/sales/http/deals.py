"""Doors of deals."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import Field, computed_field

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.history import ActivityActor, ActivityOut, ActivityQuery, list_activity
from chassis.http import router
from chassis.money import Money
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import Amount, Currency, Day, In, Instant, Line, Out, Person, absent
from sales.domain.deals import Deal, DealStage
from sales.domain.permissions import Permission
from sales.domain.timeline import MilestoneType, Timeline
from sales.http.knowing import terms_known
from sales.http.labels import LabelledIn
from sales.http.shapes import ArchivableQuery, Named, Notes, Reason, StageKey
from sales.store import deals as store
from sales.store.stage_moves import list_moves
from sales.usecases import timelines
from sales.usecases.deals import (
    archive_deal,
    change_deal,
    create_deal,
    lose_deal,
    move_deal,
    reopen_deal,
    restore_deal,
    win_deal,
)

deals = router("deals")

MayRead = Annotated[Actor, Depends(Requires(Permission.DEALS_READ))]
MayWrite = Annotated[Actor, Depends(Requires(Permission.DEALS_WRITE))]
MayWin = Annotated[Actor, Depends(Requires(Permission.DEALS_WIN))]
MayLose = Annotated[Actor, Depends(Requires(Permission.DEALS_LOSE))]
MayReopen = Annotated[Actor, Depends(Requires(Permission.DEALS_REOPEN))]
MayReadTimeline = Annotated[Actor, Depends(Requires(Permission.TIMELINE_READ))]


class DealFields(LabelledIn):
    """What a deal may have besides title, company and stage."""

    contact_id: UUID | None = None
    pipeline_id: UUID = absent()
    pipeline_stage: StageKey = absent()
    value_amount: Amount | None = None
    expected_close_date: Day | None = None
    notes: Notes | None = None


class DealIn(DealFields):
    """A new deal; the organisation's currency and the first stage of its default pipeline, unless said otherwise."""

    title: Line
    company_id: UUID
    currency: Currency | None = None
    stage: Literal["OPEN"] = "OPEN"


class DealPatch(DealFields):
    """What to change; a field that is left out stays, null clears it, a stage runs its command."""

    title: Line = absent()
    company_id: UUID = absent()
    currency: Currency = absent()
    stage: DealStage = absent()
    won_reason: Reason | None = Field(None, description="Of a deal that is won, or becomes it by this.")
    lost_reason: Reason | None = Field(None, description="Of a deal that is lost, or becomes it by this.")


class OutcomeIn(In):
    """Why a deal is won or lost."""

    reason: Reason | None = None


class MoveIn(In):
    """Where a deal goes in its pipeline."""

    pipeline_stage: StageKey


class DealOut(Out):
    """A deal; `valueAmount` is null as long as nobody has put a value on it."""

    id: UUID
    title: str
    stage: DealStage
    is_stale: bool
    company_id: UUID
    company: Named
    contact_id: UUID | None
    owner_user_id: UUID | None
    owner: Person | None
    value_minor: int | None = Field(exclude=True)
    currency: str
    expected_close_date: date | None
    notes: str | None
    pipeline_id: UUID | None
    pipeline_stage: str | None
    stage_entered_at: Instant | None
    won_at: Instant | None
    won_reason: str | None
    lost_at: Instant | None
    lost_reason: str | None
    lead_id: UUID | None
    last_activity_at: Instant
    tags: list[str]
    custom_fields: dict[str, Any]
    version: int
    created_at: Instant
    updated_at: Instant
    archived_at: Instant | None

    @computed_field(examples=["1200.00"])  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def value_amount(self) -> str | None:
        """The value as a decimal string with the currency's digits."""
        return None if self.value_minor is None else str(Money(self.value_minor, self.currency))


class MilestoneOut(Out):
    """One step of the timeline."""

    type: MilestoneType
    timestamp: Instant
    duration_from_previous_hours: float | None
    is_bottleneck: bool


class TimelineOut(Out):
    """From lead to money."""

    deal_id: UUID
    policy_threshold_hours: int
    total_cycle_hours: float | None
    milestones: list[MilestoneOut]


class StageMoveOut(Out):
    """One move of a deal in its pipeline, and how long it had been where it was."""

    id: UUID
    from_pipeline_id: UUID | None
    from_stage: str | None
    to_pipeline_id: UUID
    to_stage: str
    moved_by: ActivityActor
    at: Instant
    seconds_in_stage: int


class StageHistoryQuery(PageQuery):
    """Query parameters of the moves of a deal."""

    sort_by: Literal["createdAt"] = "createdAt"


class DealsQuery(ArchivableQuery):
    """Query parameters of the list of deals."""

    sort_by: Literal["createdAt", "title", "stage", "valueAmount", "expectedCloseDate"] = "createdAt"
    stage: DealStage | None = None
    pipeline_id: UUID | None = None
    pipeline_stage: StageKey | None = None
    stale: bool | None = None
    company_id: UUID | None = None
    value_min: Amount | None = Field(None, description="In units of each deal's own currency.")
    value_max: Amount | None = Field(None, description="In units of each deal's own currency.")

    def filters(self) -> dict[str, Any]:
        """The same, and those of deals."""
        names = ("stage", "pipeline_id", "pipeline_stage", "stale", "company_id", "value_min", "value_max")
        return super().filters() | {name: getattr(self, name) for name in names}


@deals.get("/deals", response_model=listing(DealOut))
async def search(
    actor: MayRead, query: Annotated[DealsQuery, Depends(DealsQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Deals, newest first unless another order is asked for."""
    return await store.list_deals(tx, actor.org_id, query, query.filters() | {"now": tx.now})


@deals.post("/deals", response_model=DealOut, status_code=201)
async def create(_actor: MayWrite, body: Annotated[DealIn, terms_known(DealIn)], tx: InTx) -> Any:
    """A new deal; the organisation's policy may require an owner."""
    return await create_deal(tx, body.changes())


@deals.get("/deals/{deal_id}", response_model=DealOut)
async def read(deal_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One deal."""
    return await store.show(tx, actor.org_id, deal_id, now=tx.now)


@deals.patch("/deals/{deal_id}", response_model=DealOut)
async def change(
    deal_id: UUID, _actor: MayWrite, body: Annotated[DealPatch, terms_known(DealPatch)], tx: InTx
) -> Any:
    """Change what is sent; null clears what may be empty, another stage runs mark-won, mark-lost, reopen or move."""
    return await change_deal(tx, deal_id, body.changes())


@deals.post("/deals/{deal_id}/move", response_model=DealOut)
async def move(deal_id: UUID, _actor: MayWrite, body: MoveIn, tx: InTx) -> Any:
    """An open deal to another stage of its pipeline; moving it to where it is is no change."""
    return await move_deal(tx, deal_id, body.pipeline_stage)


@deals.get("/deals/{deal_id}/stage-history", response_model=listing(StageMoveOut))
async def read_stage_history(
    deal_id: UUID,
    actor: MayRead,
    query: Annotated[StageHistoryQuery, Depends(StageHistoryQuery.of)],
    tx: InReadTx,
) -> PageRows | CursorRows:
    """The way of the deal through its pipeline, newest move first."""
    await store.show(tx, actor.org_id, deal_id, now=tx.now)
    return await list_moves(tx, actor.org_id, deal_id, query)


@deals.post("/deals/{deal_id}/mark-won", response_model=DealOut)
async def mark_won(deal_id: UUID, _actor: MayWin, tx: InTx, body: OutcomeIn | None = None) -> Any:
    """OPEN to WON; marking a won deal again is no change."""
    return await win_deal(tx, deal_id, body.reason if body else None)


@deals.post("/deals/{deal_id}/mark-lost", response_model=DealOut)
async def mark_lost(deal_id: UUID, _actor: MayLose, tx: InTx, body: OutcomeIn | None = None) -> Any:
    """OPEN to LOST; marking a lost deal again is no change."""
    return await lose_deal(tx, deal_id, body.reason if body else None)


@deals.post("/deals/{deal_id}/reopen", response_model=DealOut)
async def reopen(deal_id: UUID, _actor: MayReopen, tx: InTx) -> Any:
    """WON or LOST back to OPEN."""
    return await reopen_deal(tx, deal_id)


@deals.get("/deals/{deal_id}/timeline", response_model=TimelineOut)
async def read_timeline(deal_id: UUID, actor: MayReadTimeline, tx: InReadTx) -> Timeline:
    """When lead, deal, delivery, invoice and payment came, and where it took longer than the policy allows."""
    return await timelines.read_timeline(tx, actor.org_id, deal_id)


@deals.post("/deals/{deal_id}/archive", response_model=DealOut)
async def archive(deal_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Put the deal away; archiving it again is no change."""
    return await archive_deal(tx, deal_id)


@deals.post("/deals/{deal_id}/restore", response_model=DealOut)
async def restore(deal_id: UUID, _actor: MayWrite, tx: InTx) -> Any:
    """Bring the deal back; restoring it again is no change."""
    return await restore_deal(tx, deal_id)


@deals.get("/deals/{deal_id}/activity", response_model=listing(ActivityOut))
async def read_activity(
    deal_id: UUID, actor: MayRead, query: Annotated[ActivityQuery, Depends(ActivityQuery.of)], tx: InReadTx
) -> PageRows | CursorRows:
    """Who did what to the deal, newest first."""
    await store.show(tx, actor.org_id, deal_id, now=tx.now)
    return await list_activity(tx, actor.org_id, Deal.entity_type, deal_id, query)
