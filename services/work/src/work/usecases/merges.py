"""Items follow their companies into others (sales merges them) and back."""

from collections.abc import Sequence

from chassis.tx import Tx
from work.domain.items import WorkItem
from work.published import item_updated
from work.store import items


async def tell_moved(tx: Tx, moved: Sequence[WorkItem]) -> None:
    """Items that a merge or its undoing has moved, each with the fact that it has changed."""
    if not moved:
        return
    for shown in await items.show_each(tx, tx.actor.org_id, [item.id for item in moved], tx.now):
        tx.publish(item_updated(shown))
