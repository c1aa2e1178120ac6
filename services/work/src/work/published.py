"""Facts out: what happened to an item, with the item as it is now."""

from typing import Any

from chassis.tx import Fact
from execos.platform.v1.values_pb2 import Reference
from execos.work.v1.events_pb2 import (
    ItemAssigned,
    ItemCompleted,
    ItemCreated,
    ItemReopened,
    ItemTransitioned,
    ItemUpdated,
)
from execos.work.v1.snapshots_pb2 import ItemSnapshot


def item_created(item: Any) -> Fact:
    """An item exists."""
    return Fact(ItemCreated(item=snapshot(item)), item.id, item.version)


def item_updated(item: Any) -> Fact:
    """Something other than the status changed."""
    return Fact(ItemUpdated(item=snapshot(item)), item.id, item.version)


def item_assigned(item: Any) -> Fact:
    """The item has a new assignee."""
    return Fact(ItemAssigned(item=snapshot(item)), item.id, item.version)


def item_transitioned(item: Any) -> Fact:
    """The status moved between the open ones."""
    return Fact(ItemTransitioned(item=snapshot(item)), item.id, item.version)


def item_completed(item: Any) -> Fact:
    """The item is DONE."""
    return Fact(ItemCompleted(item=snapshot(item)), item.id, item.version)


def item_reopened(item: Any) -> Fact:
    """A DONE item is TODO again."""
    return Fact(ItemReopened(item=snapshot(item)), item.id, item.version)


def snapshot(item: Any) -> ItemSnapshot:
    """An item, as the store shows it, as others may know it."""
    return ItemSnapshot(
        id=str(item.id),
        version=item.version,
        title=item.title,
        kind=item.kind,
        status=item.status,
        priority=item.priority,
        due_date=item.due_date and item.due_date.isoformat(),
        assigned_to_user_id=item.assigned_to_user_id and str(item.assigned_to_user_id),
        created_by_user_id=item.created_by_user_id and str(item.created_by_user_id),
        company=item.company and Reference(id=item.company["id"], name=item.company["name"]),
        deal=item.deal and Reference(id=item.deal["id"], name=item.deal["title"]),
        completed_at=item.completed_at,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )
