"""The history of an entity at `GET /<entity>/{id}/activity` (spec/wire.md 2)."""

from typing import Any, Literal
from uuid import UUID

from pydantic import computed_field
from sqlalchemy import bindparam, select

from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Reader
from chassis.rows import activity
from chassis.schema import Instant, Out


class ActivityActor(Out):
    """Who acted, as they were at that moment."""

    id: UUID | None
    name: str
    email: str | None
    kind: Literal["user", "key", "system"]


class ActivityOut(Out):
    """One entry: who did what, when, with only the changed fields before and after."""

    id: UUID
    action: str
    entity_type: str
    entity_id: UUID
    actor: ActivityActor
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    at: Instant

    # The reference's clients know four of the fields by these names.
    @computed_field  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def actor_user(self) -> ActivityActor:
        """The same as `actor`."""
        return self.actor

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def before_json(self) -> dict[str, Any] | None:
        """The same as `before`."""
        return self.before

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def after_json(self) -> dict[str, Any] | None:
        """The same as `after`."""
        return self.after

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def created_at(self) -> Instant:
        """The same as `at`."""
        return self.at


class ActivityQuery(PageQuery):
    """Query parameters of a history."""

    sort_by: Literal["createdAt", "action"] = "createdAt"


_COLUMNS = activity.c
_ENTRIES = ListQuery(
    select(
        *(
            _COLUMNS[name]
            for name in ("id", "action", "entity_type", "entity_id", "actor", "before", "after")
        ),
        _COLUMNS.request_id,
        _COLUMNS.at,
    ).where(
        _COLUMNS.org_id == bindparam("org_id"),
        _COLUMNS.entity_type == bindparam("entity_type"),
        _COLUMNS.entity_id == bindparam("entity_id"),
    ),
    key=_COLUMNS.id,
    sorts={"createdAt": _COLUMNS.at, "action": _COLUMNS.action},
)


async def list_activity(
    reader: Reader, org_id: UUID, entity_type: str, entity_id: UUID, query: ActivityQuery
) -> PageRows | CursorRows:
    """A page of an entity's history in one statement; the door has made sure that the entity is there."""
    return await _ENTRIES.page(reader, query, org_id=org_id, entity_type=entity_type, entity_id=entity_id)
