"""The next number of a series."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.domain.numbers import NumberSeries, written


async def next_number(session: AsyncSession, org_id: UUID, *, series: str, period: int) -> str:
    """The next number of that year, gapless: its row stays locked until this transaction ends, and rolls back with it.

    So it is taken as late as possible: everyone else who sends an invoice of this organisation waits from here on.
    """
    first = insert(NumberSeries).values(org_id=org_id, series=series, period=period, last_number=1)
    taken = first.on_conflict_do_update(
        index_elements=[NumberSeries.org_id, NumberSeries.series, NumberSeries.period],
        set_={"last_number": NumberSeries.last_number + 1},
    )
    number = (await session.execute(taken.returning(NumberSeries.last_number))).scalar_one()
    return written(series, period=period, number=number)
