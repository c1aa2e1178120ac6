"""What won and lost deals mean for work (design/events.md 5)."""

from uuid import UUID

from chassis.tx import Tx
from work.domain.items import Kind, Links, NewItem
from work.store import items, references
from work.usecases.items import add_item
from work.usecases.references import guardrails_of


class OrganisationUnknown(Exception):
    """The organisation's copy has not arrived: the fact is tried again, and parked when it never does."""


async def promise_delivery(tx: Tx, org_id: UUID, deal_id: UUID, wanted: NewItem) -> None:
    """The item that delivers a won deal, once per deal however often it is won.

    Nothing without the module, or where the policy says so.

    The caller has just written the deal's copy in this transaction: that row's lock lets only one look at a time.
    """
    known = await references.find(tx.session, org_id, Links())
    if known is None:
        raise OrganisationUnknown(org_id)
    guardrails = guardrails_of(known.organisation, tx.now)
    if not known.organisation.has("work"):
        return
    if not guardrails.makes_deliveries or await items.find_delivery(tx.session, org_id, deal_id):
        return
    await add_item(tx, wanted, guardrails, kind=Kind.DELIVERY)


async def note_lost_deal(tx: Tx, org_id: UUID, deal_id: UUID, reason: str | None) -> None:
    """The item that was to deliver the deal stays, and its history says that the deal is lost."""
    item = await items.find_delivery(tx.session, org_id, deal_id)
    if item is not None:
        tx.note(item, "DEAL_LOST", {"dealId": str(deal_id), "lostReason": reason})
