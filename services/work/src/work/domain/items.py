"""The work item: its columns, its states and how it moves between them (spec/work.md)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Self
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Aggregate, Instant
from chassis.states import check_move
from work.domain.rows import Row

TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 20_000


class Status(StrEnum):
    """Where an item stands."""

    TODO = "TODO"
    IN_PROGRESS = "IN_PROGRESS"
    BLOCKED = "BLOCKED"
    DONE = "DONE"


class Kind(StrEnum):
    """What an item is for; a delivery is made when a deal is won, one per deal."""

    GENERAL = "general"
    DELIVERY = "delivery"


OPEN = frozenset({Status.TODO, Status.IN_PROGRESS, Status.BLOCKED})
MOVES = {status: OPEN - {status} | {Status.DONE} for status in OPEN} | {Status.DONE: frozenset[Status]()}
REOPENING = {Status.DONE: frozenset({Status.TODO})}


class Links(NamedTuple):
    """Whom and what an item refers to."""

    assigned_to_user_id: UUID | None = None
    company_id: UUID | None = None
    deal_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewItem:
    """What is said of an item when it is made."""

    title: str
    description: str | None = None
    status: Status = Status.TODO
    priority: int = 2
    due_date: date | None = None
    assigned_to_user_id: UUID | None = None
    company_id: UUID | None = None
    deal_id: UUID | None = None

    @property
    def links(self) -> Links:
        """Whom and what it refers to."""
        return Links(self.assigned_to_user_id, self.company_id, self.deal_id)


class WorkItem(Row, Aggregate):
    """Something promised, and who does it when."""

    __tablename__ = "work_item"
    __table_args__ = (
        CheckConstraint("status IN ('TODO', 'IN_PROGRESS', 'BLOCKED', 'DONE')", name="status"),
        CheckConstraint("kind IN ('general', 'delivery')", name="kind"),
        CheckConstraint("priority BETWEEN 1 AND 3", name="priority"),
        CheckConstraint("(status = 'DONE') = (completed_at IS NOT NULL)", name="completed"),
        CheckConstraint("kind <> 'delivery' OR deal_id IS NOT NULL", name="delivery"),
        # One delivery per deal for ever: an archived one counts, or winning a deal again would promise it again.
        Index(
            "uq_work_item_delivery",
            "org_id",
            "deal_id",
            unique=True,
            postgresql_where=text("kind = 'delivery'"),
        ),
        Index("ix_work_item_created", "org_id", "created_at"),
        Index("ix_work_item_due", "org_id", "due_date"),
        Index("ix_work_item_title", "org_id", text("lower(title)")),
        Index("ix_work_item_status", "org_id", "status", "created_at"),
        Index("ix_work_item_priority", "org_id", "priority", "created_at"),
        Index("ix_work_item_assignee", "org_id", "assigned_to_user_id", "created_at"),
        Index("ix_work_item_company", "org_id", "company_id", "created_at"),
        Index("ix_work_item_deal", "org_id", "deal_id", "created_at"),
    )
    entity_type: ClassVar[str] = "WORK_ITEM"

    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION_LENGTH))
    status: Mapped[str] = mapped_column(String(16))
    priority: Mapped[int] = mapped_column(SmallInteger)
    due_date: Mapped[date | None]
    assigned_to_user_id: Mapped[UUID | None]
    company_id: Mapped[UUID | None]
    deal_id: Mapped[UUID | None]
    created_by_user_id: Mapped[UUID | None]
    created_by: Mapped[dict[str, Any]] = mapped_column(JSONB)
    completed_at: Mapped[datetime | None] = mapped_column(Instant)
    archived_at: Mapped[datetime | None] = mapped_column(Instant)

    @property
    def links(self) -> Links:
        """Whom and what it refers to."""
        return Links(self.assigned_to_user_id, self.company_id, self.deal_id)

    def move(self, wanted: Status, now: datetime) -> Self:
        """To another status; to the same one is no move. A DONE item moves only by `reopen`."""
        if wanted != self.status:
            check_move(MOVES, Status(self.status), wanted)
            self.status = wanted
            self.completed_at = now if wanted is Status.DONE else None
        return self

    def reopen(self) -> Self:
        """A DONE item is TODO again."""
        check_move(REOPENING, Status(self.status), Status.TODO)
        self.status = Status.TODO
        self.completed_at = None
        return self
