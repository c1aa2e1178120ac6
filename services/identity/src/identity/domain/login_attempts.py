"""Login attempts: a budget per account and device, spent before the password is looked at (design/security.md 2)."""

import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Index, Integer, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from identity.domain.rows import Row

FREE_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)
REPORT_EVERY = timedelta(minutes=5)
IPV4, CUSTOMER_BITS = 4, 64
SPIKE, SPIKE_WITHIN = 5, timedelta(minutes=10)
"""As many failures within this time are worth a look."""


class LoginAttempts(Row):
    """What one bucket has spent. Buckets of unknown addresses look the same. Only the system role reads this table."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index("ix_login_attempts_last_at", "last_at"),)

    bucket: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    spent: Mapped[int] = mapped_column(Integer)
    open_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    unreported: Mapped[int] = mapped_column(Integer)
    unreported_since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reported_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    newest: Mapped[list[datetime]] = mapped_column(
        ARRAY(DateTime(timezone=True)), server_default=text("'{}'")
    )
    spiked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def spend(self, now: datetime, *, free: int = FREE_ATTEMPTS) -> bool:
        """Take one attempt; False while the bucket is closed. Every attempt counts as failed until it is forgiven."""
        if now - self.last_at >= FORGOTTEN_AFTER:
            self.spent = 0
        if not self.unreported:
            self.unreported_since = now
        self.unreported += 1
        self.last_at = now
        self.newest = [*self.newest, now][-SPIKE:]
        # The clock alone would not do: who waited for another's attempt read it before that one did.
        if self.spent >= free and now < self.open_at:
            return False
        self.spent += 1
        self.open_at = now + delay_after(self.spent, free=free)
        return True

    def give_back(self, now: datetime) -> None:
        """The attempt was right as far as it went and is to be followed by another one: it does not count."""
        self.spent = max(self.spent - 1, 0)
        self.open_at = now
        self._pass_over()

    def forgive(self, now: datetime) -> None:
        """The right password was given: the budget is full again."""
        self.spent = 0
        self.open_at = now
        self._pass_over()

    def _pass_over(self) -> None:
        """The newest attempt was none that has failed."""
        self.unreported = max(self.unreported - 1, 0)
        self.newest = self.newest[:-1]

    def notice_spike(self, now: datetime) -> bool:
        """Whether too many attempts have failed in a short time and nobody was told in that time."""
        since = now - SPIKE_WITHIN
        is_spike = len([each for each in self.newest if each > since]) >= SPIKE
        if not is_spike or (self.spiked_at is not None and self.spiked_at > since):
            return False
        self.spiked_at = now
        return True

    def is_report_due(self, now: datetime) -> bool:
        """Whether failures should be told: at most every five minutes."""
        return self.unreported > 0 and (self.reported_at is None or now - self.reported_at >= REPORT_EVERY)

    def report(self, now: datetime) -> tuple[datetime, int]:
        """Since when how many failures have not been told; from now on they have."""
        since, count = self.unreported_since, self.unreported
        self.unreported, self.reported_at = 0, now
        return since, count


def neighbourhood(ip: str) -> str:
    """Who counts as one client: an IPv4 address, or the 64 bits of an IPv6 network that one customer has."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    return ip if address.version == IPV4 else str(ipaddress.ip_network(f"{ip}/{CUSTOMER_BITS}", strict=False))


def delay_after(spent: int, *, free: int = FREE_ATTEMPTS) -> timedelta:
    """How long a bucket is closed after that many attempts, the first of which were free."""
    if spent < free:
        return timedelta()
    doubled = 1 << min(spent - free, 10)
    return min(FIRST_DELAY * doubled, LONGEST_DELAY)
