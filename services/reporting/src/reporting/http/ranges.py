"""Days and instants as parameters, and ranges of them."""

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from chassis.errors import Invalid
from chassis.schema import Day, Moment

FIRST_YEAR, LAST_YEAR = 1970, 9000
MAX_DAYS = 366


def _is_plausible(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must be between {FIRST_YEAR} and {LAST_YEAR}")
    return value


PlausibleDay = Annotated[Day, AfterValidator(_is_plausible)]
"""A calendar date that a report can be about."""

PlausibleMoment = Annotated[Moment, AfterValidator(_is_plausible)]
"""An instant, or a day of the organisation's zone."""


def check_order(first: date | None, last: date | None, *, max_days: int | None = None) -> None:
    """Invalid when a range ends before it begins, or is longer than `max_days`."""
    if first is None or last is None:
        return
    if _distance(first, last) < timedelta(0):
        raise Invalid.field("from", "must not be after to")
    if max_days is not None and _distance(first, last) > timedelta(days=max_days):
        raise Invalid.field("to", f"must be at most {max_days} days after from")


def _distance(first: date, last: date) -> timedelta:
    if isinstance(first, datetime) and isinstance(last, datetime):
        return last - first
    return day_of(last) - day_of(first)


def day_of(moment: date) -> date:
    """The date of a day or an instant."""
    return moment.date() if isinstance(moment, datetime) else moment
