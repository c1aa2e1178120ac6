"""What work items look like at the door."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from chassis.paging import PageQuery
from chassis.schema import Day, In, Instant, Line, Out, Person, Text, absent
from work.domain.items import DESCRIPTION_LENGTH, Kind, Links, NewItem, Status

MAX_SEARCH_LENGTH = 200

Priority = Annotated[int, Field(ge=1, le=3, description="1 is the highest.")]


def _person_or_word(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        raise ValueError("must be the id of a person, me or none") from None


AssignedTo = Annotated[UUID | Literal["me", "none"], WrapValidator(_person_or_word)]


class Linking(In):
    """Whom and what an item refers to."""

    assigned_to_user_id: UUID | None = Field(None, description="An active member of the organisation.")
    company_id: UUID | None = None
    deal_id: UUID | None = None

    def links(self) -> Links:
        """As the use cases take them."""
        return Links(self.assigned_to_user_id, self.company_id, self.deal_id)


class ItemIn(Linking):
    """A new work item."""

    title: Line
    description: Text | None = Field(None, max_length=DESCRIPTION_LENGTH)
    status: Status = Status.TODO
    priority: Priority = 2
    due_date: Day | None = Field(None, description="Not in the past; the policies may give it a default.")

    def wanted(self) -> NewItem:
        """As the use case takes it."""
        return NewItem(**dict(self))


class ItemPatch(Linking):
    """What to change; a field that is left out stays, a status moves the item as its own doors do."""

    title: Line = absent()
    description: Text | None = Field(None, max_length=DESCRIPTION_LENGTH)
    status: Status = absent()
    priority: Priority = absent()
    due_date: Day | None = None


class TransitionIn(In):
    """Where the item is to stand."""

    status: Status


class CompleteIn(In):
    """How an item is completed."""

    force: bool = Field(False, description="Although it waits for others; no item does in this release.")


class Creator(Person):
    """Who made an item: a person, a key, or Execos itself."""

    kind: Literal["user", "key", "system"]


class CompanyRef(Out):
    """A company as embedded in an item."""

    id: UUID
    name: str


class DealRef(Out):
    """A deal as embedded in an item."""

    id: UUID
    title: str
    stage: Literal["OPEN", "WON", "LOST"]


class ItemOut(Out):
    """A work item."""

    id: UUID
    version: int
    kind: Kind
    title: str
    description: str | None
    status: Status
    priority: int
    due_date: date | None
    is_overdue: bool = Field(description="Not DONE and due before today in the organisation's time zone.")
    assigned_to_user_id: UUID | None
    created_by_user_id: UUID | None = Field(description="Null when an automation made it.")
    company_id: UUID | None
    deal_id: UUID | None
    assigned_to_user: Person | None
    created_by_user: Creator
    company: CompanyRef | None
    deal: DealRef | None
    completed_at: Instant | None
    archived_at: Instant | None
    created_at: Instant
    updated_at: Instant


class ItemQuery(PageQuery):
    """Which items, in which order."""

    sort_by: Literal["createdAt", "dueDate", "status", "priority", "title"] = "createdAt"
    status: Status | None = None
    assigned_to: AssignedTo | None = None
    due: Literal["overdue", "today", "week", "all"] | None = Field(
        None, description="By the organisation's day; overdue leaves DONE items out, week is the next 7 days."
    )
    deal_id: UUID | None = None
    company_id: UUID | None = None
    q: Text | None = Field(
        None, max_length=MAX_SEARCH_LENGTH, description="Part of the title or description."
    )
    archived: bool = Field(False, description="Archived items too.")

    def filters(self, me: UUID | None) -> dict[str, Any]:
        """By the names of the store's filters, None where one does not apply."""
        return {
            "status": self.status,
            "assignee": self._assignee(me),
            "is_unassigned": self.assigned_to == "none" or None,
            "due_overdue": self.due == "overdue" or None,
            "due_today": self.due == "today" or None,
            "due_week": self.due == "week" or None,
            "deal_id": self.deal_id,
            "company_id": self.company_id,
            "like": _containing(self.q) if self.q else None,
            "is_live": not self.archived or None,
        }

    def _assignee(self, me: UUID | None) -> UUID | None:
        if self.assigned_to == "me":
            return me
        return self.assigned_to if isinstance(self.assigned_to, UUID) else None


def _containing(text: str) -> str:
    """The LIKE pattern for a literal text."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
