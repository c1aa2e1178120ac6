"""Exports: who took which rows out of the house is noted before the first of them leaves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from chassis.ids import new_id
from chassis.tx import Tx

if TYPE_CHECKING:
    from chassis.rows import Recorded


class Export:
    """A list that somebody takes away; all that is kept of it is its entry."""

    entity_type = "EXPORT"
    version = 1

    def __init__(self) -> None:
        self.id = new_id()


def note_export(tx: Tx, entity: str, count: int, filters: Mapping[str, Any]) -> None:
    """So many rows of an entity, with these filters, are being taken away."""
    asked = {name: str(value) for name, value in filters.items()}
    tx.note(cast("Recorded", Export()), "EXPORT", {"entity": entity, "count": count, "filters": asked})
