"""What can be done with leads, except converting them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from chassis.auth import ActorKind
from chassis.states import check_move
from chassis.tx import Fact, Tx
from sales.domain.custom_fields import FieldEntity
from sales.domain.finding import EntityType
from sales.domain.leads import LEAD_MOVES, Lead, LeadStage
from sales.domain.rows import Values, assign, newborn
from sales.published import (
    lead_archived,
    lead_created,
    lead_disqualified,
    lead_qualified,
    lead_reopened,
    lead_restored,
    lead_updated,
)
from sales.store import leads, members
from sales.usecases.finding import index_rows
from sales.usecases.labels import labelled_changes, labelled_new
from sales.usecases.references import check_buyer, check_new_buyer


async def create_lead(tx: Tx, values: Values) -> Any:
    """A new lead, NEW or already QUALIFIED."""
    org_id = tx.actor.org_id
    await members.require_active(tx, org_id, values.get("owner_user_id"))
    await check_buyer(tx, values.get("company_id"), values.get("contact_id"))
    values = await labelled_new(tx, FieldEntity.LEAD, values)
    lead = Lead(**newborn(org_id, tx.now) | {"stage": LeadStage.NEW} | dict(values))
    tx.add(lead)
    return await tell_lead(tx, lead, "CREATE", lead_created)


async def change_lead(tx: Tx, lead_id: UUID, values: Values) -> Any:
    """Change the fields that were sent; another stage runs the command of that name."""
    values = await labelled_changes(tx, FieldEntity.LEAD, values)
    lead = await expected_lead(tx, lead_id)
    fields = {name: value for name, value in values.items() if name != "stage"}
    if fields.get("owner_user_id") != lead.owner_user_id:
        await members.require_active(tx, lead.org_id, fields.get("owner_user_id"))
    await check_new_buyer(tx, lead, fields)
    assign(lead, fields)
    shown = await tell_lead(tx, lead, "UPDATE", lead_updated)
    stage = values.get("stage", lead.stage)
    return shown if stage == lead.stage else await _move(tx, lead, LeadStage(stage))


async def qualify_lead(tx: Tx, lead_id: UUID) -> Any:
    """NEW to QUALIFIED."""
    return await _qualify(tx, await expected_lead(tx, lead_id))


async def disqualify_lead(tx: Tx, lead_id: UUID, reason: str | None) -> Any:
    """Not worth pursuing, for this reason."""
    return await _disqualify(tx, await expected_lead(tx, lead_id), reason)


async def reopen_lead(tx: Tx, lead_id: UUID) -> Any:
    """Back to NEW."""
    return await _reopen(tx, await expected_lead(tx, lead_id))


async def archive_lead(tx: Tx, lead_id: UUID) -> Any:
    """Put away; an archived one stays as it is."""
    lead = await expected_lead(tx, lead_id)
    if not lead.archive(tx.now):
        return await leads.show(tx, lead.org_id, lead_id, now=tx.now)
    return await tell_lead(tx, lead, "ARCHIVE", lead_archived)


async def restore_lead(tx: Tx, lead_id: UUID) -> Any:
    """Back again; a live one stays as it is."""
    lead = await expected_lead(tx, lead_id)
    if not lead.restore():
        return await leads.show(tx, lead.org_id, lead_id, now=tx.now)
    return await tell_lead(tx, lead, "RESTORE", lead_restored)


async def expected_lead(tx: Tx, lead_id: UUID) -> Lead:
    """The lead to be changed, in the version that the client knows."""
    lead = await leads.lock(tx.session, tx.actor.org_id, lead_id)
    tx.expect(lead)
    return lead


async def tell_lead(
    tx: Tx, lead: Lead, action: str, fact: Callable[[Any], Fact], **beside: str | None
) -> Any:
    """Record what changed, if anything did, and what there is to say beside it; publish it, and show the lead."""
    is_changed = tx.record(lead, action, **beside)
    # What comes by a public form has nobody who could be asked for required fields.
    is_asked = action == "CREATE" and tx.actor.kind is not ActorKind.SYSTEM
    show = leads.show_new if is_asked else leads.show
    shown = await show(tx, lead.org_id, lead.id, now=tx.now)
    if is_changed:
        tx.publish(fact(shown))
        await index_rows(tx, EntityType.LEAD, [shown])
    return shown


async def _qualify(tx: Tx, lead: Lead) -> Any:
    lead.qualify()
    return await tell_lead(tx, lead, "QUALIFY", lead_qualified)


async def _disqualify(tx: Tx, lead: Lead, reason: str | None = None) -> Any:
    lead.disqualify(reason)
    return await tell_lead(tx, lead, "DISQUALIFY", lead_disqualified)


async def _reopen(tx: Tx, lead: Lead) -> Any:
    lead.reopen()
    return await tell_lead(tx, lead, "REOPEN", lead_reopened)


async def _move(tx: Tx, lead: Lead, stage: LeadStage) -> Any:
    # CONVERTED is in no row of the table: only converting leads there.
    check_move(LEAD_MOVES, LeadStage(lead.stage), stage)
    return await _COMMANDS[stage](tx, lead)


_COMMANDS: Mapping[LeadStage, Callable[[Tx, Lead], Awaitable[Any]]] = {
    LeadStage.QUALIFIED: _qualify,
    LeadStage.DISQUALIFIED: _disqualify,
    LeadStage.NEW: _reopen,
}
