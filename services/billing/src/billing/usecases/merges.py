"""Drafts follow their companies into others (sales merges them) and back."""

from collections.abc import Sequence

from billing.domain.invoices import Invoice
from billing.published import invoice_updated
from billing.store import invoices
from chassis.tx import Tx


async def tell_moved(tx: Tx, moved: Sequence[Invoice]) -> None:
    """Drafts that a merge or its undoing has moved, each with the fact that it has changed."""
    if not moved:
        return
    for shown in await invoices.show_each(tx, tx.actor.org_id, [draft.id for draft in moved], tx.now):
        tx.publish(invoice_updated(shown))
