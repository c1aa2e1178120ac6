"""Time: aware UTC instants, read once at the edge and handed down."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant; only the edge (requests, consumers, jobs) calls this."""
    return datetime.now(UTC)


def business_day(now: datetime, time_zone: str) -> date:
    """The calendar day of `now` in an organisation's IANA time zone."""
    return now.astimezone(ZoneInfo(time_zone)).date()
