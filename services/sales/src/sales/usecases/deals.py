"""What can be done with deals."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis.tx import Fact, Tx
from sales.copies import KnownOrganisation
from sales.domain.deals import Deal, DealStage, OwnerRequired
from sales.domain.rows import Values, assign, newborn
from sales.published import (
    deal_archived,
    deal_created,
    deal_lost,
    deal_reopened,
    deal_restored,
    deal_updated,
    deal_won,
)
from sales.store import deals, members, organisations
from sales.usecases.references import check_buyer, check_new_buyer

PRICE = frozenset({"value_amount", "currency"})


async def create_deal(tx: Tx, values: Values) -> Any:
    """A new deal, OPEN; OwnerRequired when the policy wants an owner and none is named."""
    await members.require_active(tx, tx.actor.org_id, values.get("owner_user_id"))
    await check_buyer(tx, values["company_id"], values.get("contact_id"))
    organisation = await organisations.get(tx.session, tx.actor.org_id)
    return await open_deal(tx, organisation, values)


async def open_deal(tx: Tx, organisation: KnownOrganisation, values: Values) -> Any:
    """A new deal whose references have been checked."""
    if organisation.policies.require_deal_owner and values.get("owner_user_id") is None:
        raise OwnerRequired("A deal needs an owner in this organisation.")
    fields = {name: value for name, value in values.items() if name not in PRICE}
    begun = {"stage": DealStage.OPEN, "last_activity_at": tx.now}
    deal = Deal(**newborn(tx.actor.org_id, tx.now) | fields | begun)
    deal.price(values.get("value_amount"), values.get("currency") or organisation.currency)
    tx.add(deal)
    return await _tell(tx, deal, "CREATE", deal_created)


async def change_deal(tx: Tx, deal_id: UUID, values: Values) -> Any:
    """Change the fields that were sent; another stage runs the command of that name."""
    deal = await _expected(tx, deal_id)
    fields = {name: value for name, value in values.items() if name != "stage"}
    if fields:
        await _revise(tx, deal, fields)
    stage = DealStage(values.get("stage", deal.stage))
    if stage != deal.stage:
        return await _COMMANDS[stage](tx, deal)
    return await deals.show(tx, deal.org_id, deal.id, now=tx.now)


async def win_deal(tx: Tx, deal_id: UUID) -> Any:
    """OPEN to WON; a won deal stays as it is."""
    return await _win(tx, await _expected(tx, deal_id))


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
    if organisation.policies.require_deal_owner and owner_id is None:
        raise OwnerRequired("A deal needs an owner in this organisation.")
    if owner_id != deal.owner_user_id:
        await members.require_active(tx, deal.org_id, owner_id)
    await check_new_buyer(tx, deal, fields)
    assign(deal, {name: value for name, value in fields.items() if name not in PRICE})
    if not PRICE.isdisjoint(fields):
        known = deal.value and Decimal(str(deal.value))
        deal.price(fields.get("value_amount", known), fields.get("currency", deal.currency))
    await _tell(tx, deal, "UPDATE", deal_updated)


async def _win(tx: Tx, deal: Deal) -> Any:
    if not deal.win(tx.now):
        return await deals.show(tx, deal.org_id, deal.id, now=tx.now)
    return await _tell(tx, deal, "MARK_WON", deal_won)


async def _lose(tx: Tx, deal: Deal, reason: str | None = None) -> Any:
    if not deal.lose(tx.now, reason):
        return await deals.show(tx, deal.org_id, deal.id, now=tx.now)
    return await _tell(tx, deal, "MARK_LOST", deal_lost)


async def _reopen(tx: Tx, deal: Deal) -> Any:
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
    shown = await deals.show(tx, deal.org_id, deal.id, now=tx.now)
    if is_changed:
        tx.publish(fact(shown))
    return shown


_COMMANDS: Mapping[DealStage, Callable[[Tx, Deal], Awaitable[Any]]] = {
    DealStage.OPEN: _reopen,
    DealStage.WON: _win,
    DealStage.LOST: _lose,
}
