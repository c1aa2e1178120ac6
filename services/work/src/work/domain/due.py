"""When work is due: the organisation's day, overdue, and the windows of the list."""

from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func

from work.domain.items import Status, WorkItem

WEEK_DAYS = 7

# Typed loosely: SQLAlchemy's types of columns, attributes and parameters do not meet below this.
Day = ColumnElement[Any]
ITEM = WorkItem.__table__.c


def business_day_of(now: ColumnElement[Any], time_zone: ColumnElement[Any]) -> Day:
    """`chassis.clock.business_day` in SQL, so that a list needs no statement of its own to learn what today is."""
    return cast(func.timezone(time_zone, now), Date)


def is_overdue(today: Day) -> ColumnElement[bool]:
    """Not DONE and due before today: the one meaning of overdue."""
    return (ITEM.status != Status.DONE.value) & (ITEM.due_date < today)


def is_due_on(today: Day) -> ColumnElement[bool]:
    """Due that day, done or not."""
    return ITEM.due_date == today


def is_due_in_week(today: Day) -> ColumnElement[bool]:
    """Due today or in the six days after it, done or not."""
    return (ITEM.due_date >= today) & (ITEM.due_date < today + WEEK_DAYS)
