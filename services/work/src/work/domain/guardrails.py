"""What an organisation's policies ask of its work items."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from chassis.errors import Conflict


class OwnerRequired(Conflict):
    """The organisation wants somebody to answer for every item."""

    reason = "OWNER_REQUIRED"


class DueDateInPast(Conflict):
    """Nothing is promised for yesterday."""

    reason = "DUE_DATE_IN_PAST"


@dataclass(frozen=True, slots=True)
class Guardrails:
    """The policies that concern work, and the organisation's present day."""

    today: date
    is_owner_required: bool = True
    is_due_date_required: bool = True
    default_due_days: int = 3
    makes_deliveries: bool = True

    def check_owner(self, assigned_to_user_id: UUID | None) -> None:
        """Raise OwnerRequired when somebody must be named and nobody is."""
        if self.is_owner_required and assigned_to_user_id is None:
            raise OwnerRequired("This organisation requires an owner for every work item.")

    def check_due_date(self, due_date: date | None) -> None:
        """Raise DueDateInPast for a date before today."""
        if due_date is not None and due_date < self.today:
            raise DueDateInPast(
                "The due date is in the past.", dueDate=due_date.isoformat(), today=self.today.isoformat()
            )

    def due_date_or_default(self, due_date: date | None) -> date | None:
        """The date, or the default one where a date is required and none is given."""
        if due_date is None and self.is_due_date_required:
            return self.today + timedelta(days=self.default_due_days)
        return due_date
