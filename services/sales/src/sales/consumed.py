"""Facts in: copies of identity's people and organisations, and what work and billing say about deals."""

from datetime import UTC
from uuid import UUID

from chassis.inbox import Handlers, Received
from chassis.tx import Tx
from clients.identity.copies import DELETION, member_facts, organisation_facts
from sales.copies import MEMBERS, ORGANISATIONS
from sales.domain.timeline import MilestoneType
from sales.usecases.pipelines import make_default
from sales.usecases.timelines import note_milestone

COPIED = organisation_facts(ORGANISATIONS)
FOUNDED = "identity.organisation.created.v1"


async def on_organisation_created(tx: Tx, fact: Received) -> None:
    """An organisation begins: with its default pipeline, so that no read has to make it (spec/sales.md)."""
    await COPIED[FOUNDED](tx, fact)
    await make_default(tx)


async def on_item_created(tx: Tx, fact: Received) -> None:
    """Work for a deal began; the first of its items counts (reference/execution-os.md 3.2)."""
    item = fact.message.item
    if item.HasField("deal"):
        created_at = item.created_at.ToDatetime(tzinfo=UTC)
        await note_milestone(
            tx, UUID(item.deal.id), MilestoneType.WORK_ROOT_CREATED, source_id=UUID(item.id), at=created_at
        )


async def on_invoice_sent(tx: Tx, fact: Received) -> None:
    """An invoice of a deal went out."""
    invoice = fact.message.invoice
    if invoice.HasField("deal"):
        sent_at = invoice.sent_at.ToDatetime(tzinfo=UTC)
        await note_milestone(
            tx, UUID(invoice.deal.id), MilestoneType.INVOICE_SENT, source_id=UUID(invoice.id), at=sent_at
        )


async def on_invoice_paid(tx: Tx, fact: Received) -> None:
    """An invoice of a deal was paid in full."""
    invoice = fact.message.invoice
    if invoice.HasField("deal"):
        paid_at = invoice.paid_at.ToDatetime(tzinfo=UTC)
        await note_milestone(
            tx, UUID(invoice.deal.id), MilestoneType.INVOICE_PAID, source_id=UUID(invoice.id), at=paid_at
        )


HANDLERS: Handlers = {
    **member_facts(MEMBERS),
    **COPIED,
    FOUNDED: on_organisation_created,
    **DELETION,
    "work.item.created.v1": on_item_created,
    "billing.invoice.sent.v1": on_invoice_sent,
    "billing.invoice.paid.v1": on_invoice_paid,
}
