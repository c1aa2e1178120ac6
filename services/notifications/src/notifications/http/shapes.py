"""Shapes of the inbox on the wire (spec/wire.md 7)."""

from typing import Literal
from uuid import UUID

from chassis.paging import PageQuery
from chassis.schema import Instant, Out, Person
from notifications.domain.access import Entity
from notifications.domain.catalogue import NoticeType


class InboxQuery(PageQuery):
    """Parameters of the inbox."""

    sort_by: Literal["createdAt"] = "createdAt"
    unread: bool | None = None
    type: NoticeType | None = None


class ActorOut(Person):
    """Who caused it; the system has no id."""

    kind: Literal["user", "key", "system"]


class NotificationOut(Out):
    """One thing that a person was told."""

    id: UUID
    type: NoticeType
    title: str
    body: str
    link: str
    entity_type: Entity
    entity_id: UUID
    actor: ActorOut
    read_at: Instant | None
    version: int
    created_at: Instant
    updated_at: Instant


class UnreadOut(Out):
    """How many are unread."""

    count: int


class MarkedOut(Out):
    """How many became read."""

    marked: int
