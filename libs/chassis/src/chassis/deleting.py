"""Deleting what is old or gone, piece by piece: many rows, a short transaction each."""

from typing import Any

from sqlalchemy import ColumnElement, Delete, Table, column, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def delete_some(
    session: AsyncSession, rows: Table | type[Any], doomed: ColumnElement[bool], limit: int
) -> int:
    """Delete rows of a table or mapped class that a condition dooms, at most `limit`; how many they were.

    One that is written to meanwhile may be left over: whoever needs an empty table repeats until nothing is deleted.
    """
    result = await session.execute(some(rows, doomed, limit))
    return int(result.rowcount)  # type: ignore[attr-defined] # a DELETE has a cursor result


def some(rows: Table | type[Any], doomed: ColumnElement[bool], limit: int) -> Delete:
    """The statement. It chooses its rows once, as an array of their places.

    `key IN (SELECT … LIMIT n)` may choose them anew for each row of the table: with statistics from before the rows
    came the planner expects one, and 20,000 rows take half a minute.
    """
    place: ColumnElement[Any] = column("ctid")
    chosen = select(place).select_from(rows).where(doomed).limit(limit).correlate(None)
    own = delete(rows).where(place == func.any(func.array(chosen.scalar_subquery())))
    return own.execution_options(synchronize_session=False)
