"""Reads: SELECTs built and compiled once, executed on the driver; rows go straight into the schemas.

Building and compiling a statement per request costs more than running it (design/performance.md), so a store
declares its reads as constants: `COMPANY = Lookup(select(…))`, `COMPANIES = ListQuery(select(…), sorts=…, filters=…)`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Dialect, Select, and_, asc, bindparam, desc, func, or_, select, true
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.dml import ReturningInsert

from chassis.paging import CursorRows, PageQuery, PageRows, decode_cursor, encode_cursor

_DIALECT: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call] # SQLAlchemy has not typed it

Rows = list[Any]


class Lookup:
    """A query with named parameters (`bindparam`), compiled once. No expanding IN: use `== func.any(…)`.

    `row_type` and `key` say that it shows the one row of a mapped class whose id is the parameter `key`: a row that is
    being inserted is then read in the same round trip (`Tx.add`).
    """

    __slots__ = ("_constants", "key", "row_type", "sql")

    def __init__(
        self, statement: Select[Any] | ReturningInsert[Any], *, row_type: type | None = None, key: str = ""
    ) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self.row_type = row_type
        self.key = key
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    def values(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The driver's parameters: the statement's own constants and these."""
        return {**self._constants, **parameters}


class Reader(Protocol):
    """What a read runs on: any transaction."""

    async def rows(self, query: Lookup, **parameters: Any) -> Rows:
        """All rows, as named tuples."""


class ListQuery:
    """A list: its columns, its white list of sort keys, its filters; one SQL statement a page.

    `statement` selects what an item shows and names the tenant (`… == bindparam("org_id")`). A filter applies when its
    parameter is not None; its condition uses `bindparam` of the same name. `key` is the tie-breaker, the row's id.
    """

    def __init__(
        self,
        statement: Select[Any],
        *,
        key: ColumnElement[Any],
        sorts: Mapping[str, ColumnElement[Any]],
        filters: Mapping[str, ColumnElement[bool]] | None = None,
    ) -> None:
        self._statement = statement
        self._key = key
        self._sorts = sorts
        self._filters = filters or {}
        self._compiled = lru_cache(maxsize=256)(self._compile)
        self._counts = lru_cache(maxsize=64)(self._compile_count)
        self._behind = lru_cache(maxsize=64)(self._compile_behind)

    async def page(self, reader: Reader, query: PageQuery, **parameters: Any) -> PageRows | CursorRows:
        """One page, in one statement; a page beyond the end is empty, and counted all the same."""
        given = {name: value for name, value in parameters.items() if value is not None}
        active = frozenset(given.keys() & self._filters.keys())
        if query.is_cursor:
            return await self._cursor_page(reader, query, active, given)
        offset = (query.page - 1) * query.page_size
        compiled = self._compiled(query.sort_by, query.sort_dir, active, "page")
        found = await reader.rows(compiled, **given, row_limit=query.page_size, row_offset=offset)
        total, rows = found[0].row_total, [row for row in found if row.sort_id is not None]
        has_more = bool(rows) and offset + len(rows) < total
        cursor = encode_cursor(query, rows[-1].sort_value, rows[-1].sort_id) if has_more else None
        return PageRows(rows, query.page, query.page_size, total, cursor)

    async def behind(self, reader: Reader, after: UUID, limit: int, **parameters: Any) -> Rows:
        """The next rows behind an id, in the order of ids: for whoever reads a list to its end, batch by batch."""
        given = {name: value for name, value in parameters.items() if value is not None}
        compiled = self._behind(frozenset(given.keys() & self._filters.keys()))
        return await reader.rows(compiled, **given, after_id=after, row_limit=limit)

    async def count(self, reader: Reader, **parameters: Any) -> int:
        """How many rows there are."""
        given = {name: value for name, value in parameters.items() if value is not None}
        rows = await reader.rows(self._counts(frozenset(given.keys() & self._filters.keys())), **given)
        return int(rows[0].row_total)

    def compiled(self, query: PageQuery, *filters: str) -> Lookup:
        """The SQL of a page with counts with these filters, for whoever measures or explains it."""
        return self._compiled(query.sort_by, query.sort_dir, frozenset(filters), "page")

    async def _cursor_page(
        self, reader: Reader, query: PageQuery, active: frozenset[str], given: Mapping[str, Any]
    ) -> CursorRows:
        limit = query.limit or query.page_size
        after = ""
        position: dict[str, Any] = {}
        if query.cursor:
            value, row_id = decode_cursor(query, self._sorts[query.sort_by])
            after = "after null" if value is None else "after"
            position = {"after_id": row_id} | ({} if value is None else {"after_value": value})
        compiled = self._compiled(query.sort_by, query.sort_dir, active, after)
        rows = await reader.rows(compiled, **given, **position, row_limit=limit + 1)
        shown = rows[:limit]
        has_more = len(rows) > limit
        return CursorRows(
            shown, encode_cursor(query, shown[-1].sort_value, shown[-1].sort_id) if has_more else None
        )

    def _filtered(self, active: frozenset[str]) -> Select[Any]:
        return self._statement.where(*(self._filters[name] for name in sorted(active)))

    def _compile(self, sort_by: str, sort_dir: str, active: frozenset[str], form: str) -> Lookup:
        column, key = self._sorts[sort_by], self._key
        direction = asc if sort_dir == "asc" else desc
        filtered = self._filtered(active)
        ordered = (
            filtered.add_columns(column.label("sort_value"), key.label("sort_id"))
            .order_by(direction(column), key.asc())
            .limit(bindparam("row_limit"))
        )
        if form == "page":
            # The count leads, so that it is there for a page without rows: as one row that has no id.
            counted = self._counted(active).subquery("counted")
            shown = ordered.offset(bindparam("row_offset")).subquery("shown")
            page = select(shown, counted.c.row_total).select_from(counted.outerjoin(shown, true()))
            return Lookup(page.order_by(direction(shown.c.sort_value), shown.c.sort_id))
        if form:
            ordered = ordered.where(_after(column, key, sort_dir, is_null=form == "after null"))
        return Lookup(ordered)

    def _compile_count(self, active: frozenset[str]) -> Lookup:
        return Lookup(self._counted(active))

    def _counted(self, active: frozenset[str]) -> Select[Any]:
        return select(func.count().label("row_total")).select_from(self._filtered(active).subquery())

    def _compile_behind(self, active: frozenset[str]) -> Lookup:
        later = self._filtered(active).where(self._key > bindparam("after_id", type_=self._key.type))
        return Lookup(later.order_by(self._key).limit(bindparam("row_limit")))


def _after(
    column: ColumnElement[Any], key: ColumnElement[Any], sort_dir: str, *, is_null: bool
) -> ColumnElement[bool]:
    # PostgreSQL puts NULL last when ascending and first when descending.
    later_key = key > bindparam("after_id", type_=key.type)
    if is_null:
        later_ties = and_(column.is_(None), later_key)
        return later_ties if sort_dir == "asc" else or_(later_ties, column.is_not(None))
    value = bindparam("after_value", type_=column.type)
    later_ties = and_(column == value, later_key)
    if sort_dir == "asc":
        return or_(column > value, later_ties, column.is_(None))
    return or_(column < value, later_ties)
