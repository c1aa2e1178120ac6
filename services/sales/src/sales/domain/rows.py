"""What every row of sales shares: the metadata, how it is born, how it is archived."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, inspect, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.ids import new_id
from chassis.rows import Instant, service_metadata

Values = Mapping[str, Any]
"""Fields that a client sent, by Python name."""


class Row(DeclarativeBase):
    """Every table of sales."""

    metadata = service_metadata()


class Archivable:
    """Mixin of what is put away instead of deleted."""

    archived_at: Mapped[datetime | None] = mapped_column(Instant)

    def archive(self, now: datetime) -> bool:
        """Put it away; False when it already was."""
        was_live = self.archived_at is None
        if was_live:
            self.archived_at = now
        return was_live

    def restore(self) -> bool:
        """Bring it back; False when it never was away."""
        was_archived = self.archived_at is not None
        self.archived_at = None
        return was_archived


class Labelled:
    """Mixin of what can be tagged and has fields of the organisation's own."""

    tags: Mapped[list[str]] = mapped_column(ARRAY(String(50)), default=[], server_default=text("'{}'"))
    custom_fields: Mapped[dict[str, Any]] = mapped_column(JSONB, default={}, server_default=text("'{}'"))


def newborn(org_id: UUID, now: datetime) -> dict[str, Any]:
    """The columns of an aggregate that begins now."""
    return {"org_id": org_id, "id": new_id(), "version": 1, "created_at": now, "updated_at": now}


CUSTOM, TAGS, ADDRESS = "custom_fields", "tags", "address"
ADDRESS_PARTS = ("line1", "line2", "postalCode", "city", "region", "country")


def assign(row: Row, values: Values) -> None:
    """Set the fields that were sent; of an organisation's own fields, and of an address, only these parts.

    There null takes a value away.
    """
    for name, value in values.items():
        if name == CUSTOM:
            setattr(row, name, _merged(getattr(row, CUSTOM) or {}, value))
        elif name == ADDRESS and value is not None:
            setattr(row, name, address_with(value, getattr(row, ADDRESS)))
        else:
            setattr(row, name, value)


def address_with(parts: Values, known: Values | None = None) -> dict[str, Any] | None:
    """An address, by API name, in which these parts are new; None when none of its parts is left."""
    address = dict.fromkeys(ADDRESS_PARTS) | dict(known or {}) | dict(parts)
    return None if all(value is None for value in address.values()) else address


def _merged(values: Values, changes: Values) -> dict[str, Any]:
    return {key: value for key, value in {**values, **changes}.items() if value is not None}


def is_touched(row: Row, *names: str) -> bool:
    """Whether one of these fields has another value than when the row was read."""
    attributes = inspect(row, raiseerr=True).attrs
    return any(
        change.has_changes() and list(change.deleted or ()) != list(change.added)
        for change in (attributes[name].history for name in names)
    )
