"""What can be done with saved views: one's own by everybody, shared ones by whoever may share."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from chassis.errors import NotFound
from chassis.tx import Tx
from sales.domain.custom_fields import FieldEntity
from sales.domain.labels import Kind
from sales.domain.permissions import Permission
from sales.domain.rows import Values, assign, newborn
from sales.domain.views import SavedView
from sales.store import custom_fields, views

Understood = Callable[[Kind, Values], dict[str, Any]]
"""What the list of a kind makes of the filters and the order of a view; it refuses what it does not know."""


async def save_view(tx: Tx, values: Values, understood: Understood) -> Any:
    """A new view of rows that the actor may see."""
    kind = Kind(values["entity"])
    tx.actor.must(kind.read)
    if values.get("shared"):
        tx.actor.must(Permission.VIEWS_SHARE)
    await custom_fields.typed(tx, tx.actor.org_id, FieldEntity(kind), understood(kind, values))
    given: dict[str, Any] = {"owner_user_id": tx.actor.id, "filters": {}, "columns": [], "shared": False}
    view = SavedView(**newborn(tx.actor.org_id, tx.now) | given | dict(values))
    tx.add(view)
    tx.record(view, "CREATE")
    return await _show(tx, view)


async def change_view(tx: Tx, view_id: UUID, values: Values, understood: Understood) -> Any:
    """Change what was sent; one that is shared, or shall be, by whoever may share alone."""
    view = await _expected(tx, view_id)
    if values.get("shared"):
        tx.actor.must(Permission.VIEWS_SHARE)
    await custom_fields.typed(tx, view.org_id, FieldEntity(view.kind), understood(view.kind, values))
    assign(view, values)
    tx.record(view, "UPDATE")
    return await _show(tx, view)


async def delete_view(tx: Tx, view_id: UUID) -> None:
    """Gone for everybody."""
    view = await _expected(tx, view_id)
    tx.record(view, "DELETE")
    await tx.session.delete(view)


async def _expected(tx: Tx, view_id: UUID) -> SavedView:
    view = await views.lock(tx.session, tx.actor.org_id, view_id)
    if not tx.actor.may(view.kind.read) or not (view.shared or view.owner_user_id == tx.actor.id):
        raise NotFound("There is no such view.")
    if view.shared:
        tx.actor.must(Permission.VIEWS_SHARE)
    tx.expect(view)
    return view


async def _show(tx: Tx, view: SavedView) -> Any:
    # As its owner sees it: whoever has just taken a view back from everybody is answered too.
    reader_id, kinds = view.owner_user_id, [view.kind]
    return await views.show(tx, view.org_id, view.id, reader_id=reader_id, kinds=kinds)
