"""Invoice numbers: gapless per organisation, series and year of issue (design/data.md)."""

from uuid import UUID

from sqlalchemy import Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from billing.domain.rows import Row

INVOICES = "INV"


class NumberSeries(Row):
    """The last number given out in one series and year; the row is the lock under which the next one is taken."""

    __tablename__ = "number_series"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(String(8), primary_key=True)
    period: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    last_number: Mapped[int] = mapped_column(Integer)


def written(series: str, *, period: int, number: int) -> str:
    """A number as people read it: INV-2026-00042."""
    return f"{series}-{period}-{number:05d}"
