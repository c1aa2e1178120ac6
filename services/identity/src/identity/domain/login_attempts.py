"""Login attempts: a budget per account and device, spent before the password is looked at (design/security.md 2)."""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from identity.domain.rows import Row

FREE_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)
REPORT_EVERY = timedelta(minutes=5)


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

    def spend(self, now: datetime) -> bool:
        """Take one attempt; False while the bucket is closed. Every attempt counts as failed until it is forgiven."""
        if now - self.last_at >= FORGOTTEN_AFTER:
            self.spent = 0
        if not self.unreported:
            self.unreported_since = now
        self.unreported += 1
        self.last_at = now
        # The clock alone would not do: who waited for another's attempt read it before that one did.
        if self.spent >= FREE_ATTEMPTS and now < self.open_at:
            return False
        self.spent += 1
        self.open_at = now + delay_after(self.spent)
        return True

    def forgive(self, now: datetime) -> None:
        """The right password was given: the budget is full again."""
        self.spent = 0
        self.open_at = now
        self.unreported = max(self.unreported - 1, 0)

    def is_report_due(self, now: datetime) -> bool:
        """Whether failures should be told: at most every five minutes."""
        return self.unreported > 0 and (self.reported_at is None or now - self.reported_at >= REPORT_EVERY)

    def report(self, now: datetime) -> tuple[datetime, int]:
        """Since when how many failures have not been told; from now on they have."""
        since, count = self.unreported_since, self.unreported
        self.unreported, self.reported_at = 0, now
        return since, count


def delay_after(spent: int) -> timedelta:
    """How long a bucket is closed after that many attempts."""
    if spent < FREE_ATTEMPTS:
        return timedelta()
    doubled = 1 << min(spent - FREE_ATTEMPTS, 10)
    return min(FIRST_DELAY * doubled, LONGEST_DELAY)
