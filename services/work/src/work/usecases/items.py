"""What can be done with a work item."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from chassis.errors import Conflict
from chassis.ids import new_id
from chassis.tx import Fact, Tx
from work.domain.guardrails import Guardrails
from work.domain.items import Kind, NewItem, Status, WorkItem
from work.published import (
    item_assigned,
    item_completed,
    item_created,
    item_reopened,
    item_transitioned,
    item_updated,
)
from work.store import items
from work.usecases.references import check_links

Tell = Callable[[Any], Fact]


async def create_item(tx: Tx, wanted: NewItem) -> Any:
    """Promise something: the item as it is shown."""
    guardrails = await check_links(tx, wanted.links)
    guardrails.check_owner(wanted.assigned_to_user_id)
    guardrails.check_due_date(wanted.due_date)
    shown = await add_item(tx, wanted, guardrails, kind=Kind.GENERAL)
    if wanted.status is Status.DONE:
        # What was done before it was written down is completed by the same path as everything else.
        return await change_item(tx, shown.id, {"status": Status.DONE})
    return shown


async def add_item(tx: Tx, wanted: NewItem, guardrails: Guardrails, *, kind: Kind) -> Any:
    """Write an item that is not DONE yet, with the default due date where one is required; as it is shown."""
    item = WorkItem(
        org_id=tx.actor.org_id,
        id=new_id(),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
        kind=kind,
        title=wanted.title,
        description=wanted.description,
        status=Status.TODO if wanted.status is Status.DONE else wanted.status,
        priority=wanted.priority,
        due_date=guardrails.due_date_or_default(wanted.due_date),
        created_by_user_id=tx.actor.id,
        created_by=tx.actor.snapshot(),
        **wanted.links._asdict(),
    )
    tx.add(item)
    tx.record(item, "CREATE")
    if item.due_date != wanted.due_date:
        _note_default_date(tx, item)
    return await _publish(tx, item, item_created, is_assigned=item.assigned_to_user_id is not None)


async def change_item(tx: Tx, item_id: UUID, changes: Mapping[str, Any]) -> Any:
    """Change what was sent; a status moves the item, by whichever door it comes. The item as it is shown."""
    item = await items.get(tx.session, tx.actor.org_id, item_id)
    tx.expect(item)
    status, links = item.status, item.links
    item.move(changes.get("status", status), tx.now)
    fields = {name: value for name, value in changes.items() if name != "status"}
    is_dated = bool(fields) and await _change_fields(tx, item, fields)
    action, tell = _what_happened(item, status)
    if not tx.record(item, action):
        return await items.show(tx, item.org_id, item.id, tx.now)
    if is_dated:
        _note_default_date(tx, item)
    is_assigned = item.assigned_to_user_id not in {None, links.assigned_to_user_id}
    return await _publish(tx, item, tell, is_assigned=is_assigned)


async def reopen_item(tx: Tx, item_id: UUID) -> Any:
    """A DONE item is TODO again; the item as it is shown."""
    item = await items.get(tx.session, tx.actor.org_id, item_id)
    tx.expect(item)
    item.reopen()
    tx.record(item, "REOPEN")
    return await _publish(tx, item, item_reopened)


async def _change_fields(tx: Tx, item: WorkItem, fields: Mapping[str, Any]) -> bool:
    """Set fields within the guardrails; whether the default due date had to be given."""
    links, due_date = item.links, item.due_date
    for name, value in fields.items():
        setattr(item, name, value)
    if item.kind == Kind.DELIVERY and item.deal_id != links.deal_id:
        raise Conflict("A delivery stays with the deal it delivers.")
    guardrails = await check_links(tx, item.links, links)
    guardrails.check_owner(item.assigned_to_user_id)
    if item.due_date != due_date:
        guardrails.check_due_date(item.due_date)
    if item.status == Status.DONE or item.due_date is not None:
        return False
    item.due_date = guardrails.due_date_or_default(None)
    return item.due_date is not None


def _what_happened(item: WorkItem, status: str) -> tuple[str, Tell]:
    """The action and the fact of a change: the most telling one."""
    if item.status == status:
        return "UPDATE", item_updated
    return ("COMPLETE", item_completed) if item.status == Status.DONE else ("TRANSITION", item_transitioned)


def _note_default_date(tx: Tx, item: WorkItem) -> None:
    tx.note(item, "AUTO_DUE_DATE_SET", {"dueDate": str(item.due_date)})


async def _publish(tx: Tx, item: WorkItem, tell: Tell, *, is_assigned: bool = False) -> Any:
    """Say what happened, and to a new assignee that it is theirs; the item as it is shown."""
    shown = await items.show(tx, item.org_id, item.id, tx.now)
    for each in (tell, item_assigned) if is_assigned else (tell,):
        tx.publish(each(shown))
    return shown
