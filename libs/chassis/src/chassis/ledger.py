"""The last write of a transaction: activity, facts and the stored answer in one statement and one round trip.

Three ORM inserts cost more than the business row they accompany; rows travel as one JSON array a table instead.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Column, Dialect, Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from chassis.rows import activity, idempotency, outbox

Row = Mapping[str, Any]

_DIALECT: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call] # SQLAlchemy has not typed it
_WRITTEN = {
    activity: [column.name for column in activity.c],
    outbox: [
        "org_id",
        "event_id",
        "aggregate_type",
        "aggregate_id",
        "aggregate_version",
        "type",
        "payload",
        "headers",
        "created_at",
        "is_bulk",
    ],
}


def parameters(entries: Sequence[Row], facts: Sequence[Row], answer: Row | None) -> dict[str, Any]:
    """The parameters of `statement` for these rows."""
    arrays = {"activity": _json(entries), "outbox": _json(facts)}
    return arrays if answer is None else {**arrays, **answer}


@cache
def statement(*, has_answer: bool) -> str:
    """The statement, with or without an answer to store under an idempotency key."""
    parts = [f"new_{table.name} AS ({_insert_array(table, names)})" for table, names in _WRITTEN.items()]
    if has_answer:
        names = [column.name for column in idempotency.c]
        values = ", ".join(f"%({name})s" for name in names)
        parts.append(f"new_answer AS (INSERT INTO idempotency ({_list(names)}) VALUES ({values}))")  # noqa: S608
    return f"WITH {', '.join(parts)} SELECT"


def _insert_array(table: Table, names: Sequence[str]) -> str:
    shape = ", ".join(f'"{name}" {_type(table.c[name])}' for name in names)
    return (
        f"INSERT INTO {table.name} ({_list(names)}) SELECT {_list(names)} "  # noqa: S608 - our own tables' names
        f"FROM jsonb_to_recordset(%({table.name})s::jsonb) AS given ({shape})"
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _type(column: Column[Any]) -> str:
    return column.type.compile(_DIALECT)


def _json(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows, default=str).decode()
