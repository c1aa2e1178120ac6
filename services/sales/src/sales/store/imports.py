"""Imports and their rows in SQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    Integer,
    String,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.deleting import delete_some
from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader, Rows
from chassis.tx import Source, Tx
from sales.domain.imports import ENDS, KEPT, Entity, Import, ImportRow, Verdict

IMPORT = Import.__table__.c
ROW = ImportRow.__table__.c
ERRORS_AT_ONCE = 1000
BATCH_BYTES = 4 * 1024 * 1024
"""Of cells, after which a batch takes no further row: 500 rows of a file may be as long as the whole file may be."""

_SHOWN = select(*(column for column in IMPORT if column.name != "org_id")).where(
    IMPORT.org_id == bindparam("org_id")
)
BY_ID = Lookup(_SHOWN.where(IMPORT.id == bindparam("import_id")), row_type=Import, key="import_id")
LIST = ListQuery(
    _SHOWN,
    key=IMPORT.id,
    sorts={"createdAt": IMPORT.created_at},
    filters={
        "entities": IMPORT.entity == func.any(bindparam("entities")),
        "status": IMPORT.status == bindparam("status"),
    },
)
_OWN_ROWS = select(
    ROW.number,
    ROW.cells,
    ROW.verdict,
    ROW.problems,
    ROW.duplicate,
    ROW.entity_id,
    ROW.outcome,
).where(ROW.org_id == bindparam("org_id"), ROW.import_id == bindparam("import_id"))
ROWS = ListQuery(
    _OWN_ROWS,
    key=cast(func.lpad(func.to_hex(ROW.number), literal_column("32"), literal_column("'0'")), Uuid),
    sorts={"row": ROW.number},
    filters={
        "verdict": ROW.verdict == bindparam("verdict"),
        "valid": ROW.verdict != literal_column(f"'{Verdict.INVALID.value}'"),
        "outcome": ROW.outcome == bindparam("outcome"),
    },
)
_INVALID = Lookup(
    _OWN_ROWS.where(
        ROW.verdict == literal_column(f"'{Verdict.INVALID.value}'"),
        ROW.number > bindparam("after", type_=Integer),
    )
    .order_by(ROW.number)
    .limit(ERRORS_AT_ONCE)
)
_SIZE = func.octet_length(cast(ROW.cells, Text))
_BEHIND = (
    select(ROW.number, ROW.cells, (func.sum(_SIZE).over(order_by=ROW.number) - _SIZE).label("size_before"))
    .where(
        ROW.org_id == bindparam("org_id"),
        ROW.import_id == bindparam("import_id"),
        ROW.number > bindparam("after", type_=Integer),
    )
    .order_by(ROW.number)
    .limit(bindparam("row_limit"))
    .subquery("behind")
)
_NEXT = Lookup(
    select(_BEHIND.c.number, _BEHIND.c.cells)  # house: allow tenant, the rows name it
    .where(_BEHIND.c.size_before < BATCH_BYTES)
    .order_by(_BEHIND.c.number)
)
_LAST_APPLIED = Lookup(
    select(ROW.number, ROW.verdict, ROW.entity_id, ROW.entity_version, ROW.company_id, ROW.before)
    .where(
        ROW.org_id == bindparam("org_id"),
        ROW.import_id == bindparam("import_id"),
        ROW.number < bindparam("before", type_=Integer),
        ROW.outcome == literal_column("'applied'"),
    )
    .order_by(ROW.number.desc())
    .limit(bindparam("row_limit"))
)


def _earlier(column: Any) -> Lookup:
    """Rows of the same file before a number that will be there and have one of these keys, the first of each key."""
    given = (
        func.unnest(bindparam("keys", type_=ARRAY(String))).table_valued("key").render_derived(name="given")
    )
    first = (
        select(ROW.number, ROW.cells, ROW.match_key)
        .where(
            ROW.org_id == bindparam("org_id"),
            ROW.import_id == bindparam("import_id"),
            column == given.c.key,
            ROW.number < bindparam("before", type_=Integer),
            ROW.verdict.in_([literal_column("'create'"), literal_column("'update'")]),
        )
        .order_by(column, ROW.number)
        .limit(literal_column("1"))
        .lateral("first")
    )
    # tenantless: what it joins names org_id
    return Lookup(
        select(given.c.key, first.c.number, first.c.cells, first.c.match_key).select_from(
            given.join(first, true())
        )
    )


_EARLIER_MATCH = _earlier(ROW.match_key)
_EARLIER_NAME = _earlier(ROW.unique_key)
_ADD = text(
    "INSERT INTO import_row (org_id, import_id, number, cells)"
    " SELECT :org_id, :import_id, CAST(given.line->>0 AS int), given.line - 0"
    " FROM jsonb_array_elements(CAST(:lines AS jsonb)) AS given (line)"
)
_SETTLE = text(
    "UPDATE import_row AS done SET verdict = given.verdict, problems = given.problems, duplicate = given.duplicate,"
    " match_key = given.match_key, unique_key = given.unique_key, entity_id = given.entity_id,"
    " entity_version = given.entity_version, company_id = given.company_id, before = given.before,"
    " outcome = given.outcome"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (number int, verdict text, problems jsonb,"
    " duplicate jsonb, match_key text, unique_key text, entity_id uuid, entity_version int, company_id uuid,"
    " before jsonb, outcome text)"
    " WHERE done.org_id = :org_id AND done.import_id = :import_id AND done.number = given.number"
    " AND done.number BETWEEN :first AND :last"
)
_UNDO = text(
    "UPDATE import_row AS done SET outcome = given.outcome, problems = given.problems"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (number int, outcome text, problems jsonb)"
    " WHERE done.org_id = :org_id AND done.import_id = :import_id AND done.number = given.number"
    " AND done.number BETWEEN :first AND :last"
)
# Reverting a row gives its entity a new version: that is the one an earlier row of the file now expects.
_FOLLOW = text(
    "UPDATE import_row AS earlier SET entity_version = given.version"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (id uuid, number int, version int)"
    " WHERE earlier.org_id = :org_id AND earlier.import_id = :import_id AND earlier.entity_id = given.id"
    " AND earlier.number < given.number"
)


async def list_imports(
    reader: Reader, org_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page."""
    return await LIST.page(reader, query, org_id=org_id, **filters)


async def list_rows(
    reader: Reader, org_id: UUID, import_id: UUID, query: PageQuery, filters: dict[str, Any]
) -> PageRows | CursorRows:
    """One page of an import's rows."""
    return await ROWS.page(reader, query, org_id=org_id, import_id=import_id, **filters)


async def show(reader: Reader, org_id: UUID, import_id: UUID, *, entities: Sequence[Entity]) -> Any:
    """One import of these entities as it is answered; NotFound when it does not exist here."""
    rows = await reader.rows(BY_ID, org_id=org_id, import_id=import_id)
    if not rows or rows[0].entity not in entities:
        raise NotFound("There is no such import.")
    return rows[0]


async def lock(tx: Tx, import_id: UUID, *, entities: Sequence[Entity] = tuple(Entity)) -> Import:
    """An import of these entities to be changed; NotFound when it does not exist here."""
    wanted = select(Import).where(Import.org_id == tx.actor.org_id, Import.id == import_id).with_for_update()
    found = await tx.session.scalar(wanted)
    if found is None or found.entity not in entities:
        raise NotFound("There is no such import.")
    return found


async def next_errors(reader: Reader, org_id: UUID, import_id: UUID, after: int) -> Rows:
    """The next rows that are invalid, behind a number."""
    return await reader.rows(_INVALID, org_id=org_id, import_id=import_id, after=after)


async def errors(source: Source, actor: Actor, import_id: UUID) -> AsyncIterator[Rows]:
    """All rows that are invalid, each batch read in a short transaction of its own."""
    after = 0
    while True:
        async with source.reading(actor) as reading:
            batch = await next_errors(reading, actor.org_id, import_id, after)
        if batch:
            yield batch
        if len(batch) < ERRORS_AT_ONCE:
            return
        after = batch[-1].number


async def next_rows(tx: Tx, run: Import, limit: int) -> Rows:
    """The rows behind those that are done, as many as `limit` and BATCH_BYTES let."""
    return await tx.rows(_NEXT, org_id=run.org_id, import_id=run.id, after=run.cursor, row_limit=limit)


async def last_applied(tx: Tx, run: Import, limit: int) -> Rows:
    """The last rows that are applied and not reverted yet."""
    return await tx.rows(
        _LAST_APPLIED, org_id=run.org_id, import_id=run.id, before=run.cursor, row_limit=limit
    )


async def earlier_matches(tx: Tx, run: Import, before: int, keys: Sequence[str]) -> Mapping[str, Any]:
    """By key: the first row of the file before a number that will be there under one of these keys."""
    rows = await tx.rows(_EARLIER_MATCH, org_id=run.org_id, import_id=run.id, before=before, keys=list(keys))
    return {row.key: row for row in rows}


async def earlier_names(tx: Tx, run: Import, before: int, keys: Sequence[str]) -> Mapping[str, Any]:
    """The same by the name that only one may have."""
    rows = await tx.rows(_EARLIER_NAME, org_id=run.org_id, import_id=run.id, before=before, keys=list(keys))
    return {row.key: row for row in rows}


async def add_rows(tx: Tx, import_id: UUID, lines: Sequence[bytes]) -> None:
    """Rows of the file, each the JSON of an array that begins with its number."""
    values = {
        "org_id": tx.actor.org_id,
        "import_id": import_id,
        "lines": (b"[" + b",".join(lines) + b"]").decode(),
    }
    await tx.session.execute(_ADD, values)


async def list_expired(session: AsyncSession, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Organisation and id of imports that have rows longer than they are kept; by the system role."""
    is_there = select(ROW.number).where(ROW.org_id == IMPORT.org_id, ROW.import_id == IMPORT.id).exists()
    is_old = or_(
        IMPORT.expired_at.is_not(None), and_(IMPORT.updated_at < now - KEPT, IMPORT.status.not_in(ENDS))
    )
    # tenantless: the job that finds them looks for all organisations at once and acts in each one's transaction
    wanted = select(IMPORT.org_id, IMPORT.id).where(is_old, is_there).order_by(IMPORT.updated_at).limit(limit)
    return [(row.org_id, row.id) for row in await session.execute(wanted)]


async def delete_rows(tx: Tx, import_id: UUID, limit: int) -> int:
    """Delete rows of an import, as many as the limit says; how many they were."""
    org_id = tx.actor.org_id
    return await delete_some(
        tx.session, ImportRow, and_(ROW.org_id == org_id, ROW.import_id == import_id), limit
    )


async def settle(tx: Tx, run: Import, rows: Sequence[Mapping[str, Any]]) -> None:
    """What became of rows."""
    await _write(tx, _SETTLE, run, rows)


async def undo(
    tx: Tx, run: Import, rows: Sequence[Mapping[str, Any]], versions: Sequence[Mapping[str, Any]]
) -> None:
    """Which rows are reverted, and the versions that this has given what they were about."""
    await _write(tx, _UNDO, run, rows)
    if versions:
        await _write(tx, _FOLLOW, run, versions)


async def _write(tx: Tx, statement: Any, run: Import, rows: Sequence[Mapping[str, Any]]) -> None:
    given = orjson.dumps(rows, default=str).decode()
    numbers = [row["number"] for row in rows]
    # The planner knows little of rows that have just come: with their range it looks at no others.
    bounds = {} if statement is _FOLLOW else {"first": min(numbers), "last": max(numbers)}
    await tx.session.execute(statement, {"org_id": run.org_id, "import_id": run.id, "rows": given} | bounds)
