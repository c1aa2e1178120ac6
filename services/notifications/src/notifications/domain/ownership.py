"""Who owns which deal and lead: known from their facts, so that a new owner can be told from an old one."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from notifications.domain.rows import Row


class KnownOwner(Row):
    """The owner of an entity as its newest fact said."""

    __tablename__ = "known_owner"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    entity_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    owner_id: Mapped[UUID | None]
    copied_at: Mapped[datetime] = mapped_column(Instant)


class Ownership(NamedTuple):
    """The owner of an entity at one of its versions."""

    version: int
    owner_id: UUID | None


def is_new_owner(before: Ownership | None, now: Ownership, *, is_creation: bool) -> bool:
    """Whether a fact gave the entity to somebody.

    Of an entity that is not known here yet only its creation tells; an older fact than the known one tells nothing.
    """
    if now.owner_id is None:
        return False
    if before is None:
        return is_creation
    return before.version < now.version and before.owner_id != now.owner_id
