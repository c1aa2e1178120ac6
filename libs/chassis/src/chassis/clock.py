"""Time: aware UTC instants, read once at the edge and handed down."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant; only the edge (requests, consumers, jobs) calls this."""
    return datetime.now(UTC)


def instant(text: str) -> datetime:
    """An instant or a date as RFC 3339 writes it; UTC where no offset is said. ValueError for anything else."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def business_day(now: datetime, time_zone: str) -> date:
    """The calendar day of `now` in an organisation's IANA time zone."""
    return now.astimezone(ZoneInfo(time_zone)).date()
