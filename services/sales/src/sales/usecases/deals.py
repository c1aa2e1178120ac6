"""What can be done with deals."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.tx import Fact, Tx
from sales.copies import KnownOrganisation
from sales.domain.custom_fields import FieldEntity
from sales.domain.deals import Deal, DealStage, check_owner, take_reason
from sales.domain.finding import EntityType
from sales.domain.permissions import Permission
from sales.domain.rows import Values, assign, newborn
from sales.domain.stage_moves import DealStageMove
from sales.published import (
    deal_archived,
    deal_created,
    deal_lost,
    deal_reopened,
    deal_restored,
    deal_stage_moved,
    deal_updated,
    deal_won,
)
from sales.store import deals, members, organisations
from sales.usecases.finding import index_rows
from sales.usecases.labels import labelled_changes, labelled_new
from sales.usecases.pipelines import Place, place_in
from sales.usecases.references import check_buyer, check_new_buyer

PLACE = frozenset({"pipeline_id", "pipeline_stage"})
PRICE = frozenset({"value_amount", "currency"})


async def create_deal(tx: Tx, values: Values) -> Any:
    """A new deal, OPEN; OwnerRequired when the policy wants an owner and none is named."""
    await members.require_active(tx, tx.actor.org_id, values.get("owner_user_id"))
    await check_buyer(tx, values["company_id"], values.get("contact_id"))
    values = await labelled_new(tx, FieldEntity.DEAL, values)
    organisation = await organisations.get(tx.session, tx.actor.org_id)
    return await open_deal(tx, organisation, values)


async def open_deal(tx: Tx, organisation: KnownOrganisation, values: Values) -> Any:
    """A new deal whose references have been checked."""
    check_owner(values.get("owner_user_id"), is_required=organisation.policies.require_deal_owner)
    place = await place_in(tx, values.get("pipeline_id"), values.get("pipeline_stage"))
    fields = {name: value for name, value in values.items() if name not in PRICE | PLACE}
    begun = {"stage": DealStage.OPEN, "last_activity_at": tx.now}
    deal = Deal(**newborn(tx.actor.org_id, tx.now) | fields | begun)
    deal.place(place.pipeline_id, place.stage, tx.now)
    deal.price(values.get("value_amount"), values.get("currency") or organisation.currency)
    tx.add(deal)
    return await _tell(tx, deal, "CREATE", deal_created)


async def change_deal(tx: Tx, deal_id: UUID, values: Values) -> Any:
    """Change the fields that were sent; another stage, of the deal or in its pipeline, runs the command for it."""
    values = await labelled_changes(tx, FieldEntity.DEAL, values)
    deal = await _expected(tx, deal_id)
    stage = DealStage(values.get("stage", deal.stage))
    fields = {name: value for name, value in values.items() if name not in PLACE | {"stage"}}
    reason = take_reason(DealStage(deal.stage), stage, fields)
    if fields:
        await _revise(tx, deal, fields)
    if not PLACE.isdisjoint(values):
        await _move_to(tx, deal, values)
    if stage != deal.stage:
        tx.actor.must(_PERMISSIONS[stage])
        return await _COMMANDS[stage](tx, deal, reason)
    return await deals.show(tx, deal.org_id, deal.id, now=tx.now)


async def move_deal(tx: Tx, deal_id: UUID, pipeline_stage: str) -> Any:
    """To that stage of its pipeline; an open deal that is there stays as it is."""
    deal = await _expected(tx, deal_id)
    deal.check_on_its_way(pipeline_stage)
    await _move_to(tx, deal, {"pipeline_stage": pipeline_stage})
    return await deals.show(tx, deal.org_id, deal.id, now=tx.now)


async def win_deal(tx: Tx, deal_id: UUID, reason: str | None) -> Any:
    """OPEN to WON, for this reason; a won deal stays as it is."""
    return await _win(tx, await _expected(tx, deal_id), reason)


async def lose_deal(tx: Tx, deal_id: UUID, reason: str | None) -> Any:
    """OPEN to LOST, for this reason; a lost deal stays as it is."""
    return await _lose(tx, await _expected(tx, deal_id), reason)


async def reopen_deal(tx: Tx, deal_id: UUID) -> Any:
    """WON or LOST back to OPEN."""
    return await _reopen(tx, await _expected(tx, deal_id))


async def archive_deal(tx: Tx, deal_id: UUID) -> Any:
    """Put away; an archived one stays as it is."""
    deal = await _expected(tx, deal_id)
    if not deal.archive(tx.now):
        return await deals.show(tx, deal.org_id, deal_id, now=tx.now)
    return await _tell(tx, deal, "ARCHIVE", deal_archived)


async def restore_deal(tx: Tx, deal_id: UUID) -> Any:
    """Back again; a live one stays as it is."""
    deal = await _expected(tx, deal_id)
    if not deal.restore():
        return await deals.show(tx, deal.org_id, deal_id, now=tx.now)
    return await _tell(tx, deal, "RESTORE", deal_restored)


async def _revise(tx: Tx, deal: Deal, fields: Values) -> None:
    # Whatever asks the database comes before the first assignment: a query writes what is pending.
    organisation = await organisations.get(tx.session, deal.org_id)
    owner_id = fields.get("owner_user_id", deal.owner_user_id)
    check_owner(owner_id, is_required=organisation.policies.require_deal_owner)
    if owner_id != deal.owner_user_id:
        await members.require_active(tx, deal.org_id, owner_id)
    await check_new_buyer(tx, deal, fields)
    assign(deal, {name: value for name, value in fields.items() if name not in PRICE})
    if not PRICE.isdisjoint(fields):
        known = deal.value and Decimal(str(deal.value))
        deal.price(fields.get("value_amount", known), fields.get("currency", deal.currency))
    await _tell(tx, deal, "UPDATE", deal_updated)


async def _move_to(tx: Tx, deal: Deal, wanted: Values) -> None:
    pipeline_id, stage = wanted.get("pipeline_id", deal.pipeline_id), wanted.get("pipeline_stage")
    if stage is None and pipeline_id == deal.pipeline_id:
        return
    place = await place_in(tx, pipeline_id, stage)
    if place != (deal.pipeline_id, deal.pipeline_stage):
        await _tell(tx, deal, "MOVE", step_to(tx, deal, place))


def step_to(tx: Tx, deal: Deal, place: Place) -> Callable[[Any], Fact]:
    """An open deal is somewhere else from now on, and its way is kept; what tells so."""
    before = deal.pipeline_id, deal.pipeline_stage
    deal.check_on_its_way(place.stage)
    seconds = deal.place(place.pipeline_id, place.stage, tx.now)
    tx.add(_step(tx, deal, before, seconds))
    return partial(deal_stage_moved, from_stage=before[1], seconds_in_stage=seconds)


def _step(tx: Tx, deal: Deal, before: tuple[UUID | None, str | None], seconds: int) -> DealStageMove:
    return DealStageMove(
        org_id=deal.org_id,
        id=new_id(),
        deal_id=deal.id,
        from_pipeline_id=before[0],
        from_stage=before[1],
        to_pipeline_id=deal.pipeline_id,
        to_stage=deal.pipeline_stage,
        moved_by=tx.actor.snapshot(),
        at=tx.now,
        seconds_in_stage=seconds,
    )


async def _win(tx: Tx, deal: Deal, reason: str | None) -> Any:
    if not deal.win(tx.now, reason):
        return await deals.show(tx, deal.org_id, deal.id, now=tx.now)
    return await _tell(tx, deal, "MARK_WON", deal_won)


async def _lose(tx: Tx, deal: Deal, reason: str | None) -> Any:
    if not deal.lose(tx.now, reason):
        return await deals.show(tx, deal.org_id, deal.id, now=tx.now)
    return await _tell(tx, deal, "MARK_LOST", deal_lost)


async def _reopen(tx: Tx, deal: Deal, _reason: str | None = None) -> Any:
    deal.reopen()
    return await _tell(tx, deal, "REOPEN", deal_reopened)


async def _expected(tx: Tx, deal_id: UUID) -> Deal:
    deal = await deals.lock(tx.session, tx.actor.org_id, deal_id)
    tx.expect(deal)
    return deal


async def _tell(tx: Tx, deal: Deal, action: str, fact: Callable[[Any], Fact]) -> Any:
    """Record what changed, if anything did, publish it, and show the deal as it is now."""
    is_changed = tx.record(deal, action)
    if is_changed:
        deal.last_activity_at = tx.now
    show = deals.show_new if action == "CREATE" else deals.show
    shown = await show(tx, deal.org_id, deal.id, now=tx.now)
    if is_changed:
        tx.publish(fact(shown))
        await index_rows(tx, EntityType.DEAL, [shown])
    return shown


_COMMANDS: Mapping[DealStage, Callable[[Tx, Deal, str | None], Awaitable[Any]]] = {
    DealStage.OPEN: _reopen,
    DealStage.WON: _win,
    DealStage.LOST: _lose,
}
_PERMISSIONS: Mapping[DealStage, Permission] = {
    DealStage.OPEN: Permission.DEALS_REOPEN,
    DealStage.WON: Permission.DEALS_WIN,
    DealStage.LOST: Permission.DEALS_LOSE,
}
