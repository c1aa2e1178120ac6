"""Mapped objects without the ORM's session: read by a statement that was compiled once, and their changes written.

For commands that run all day; everything else reads through `tx.session` (docs/decisions/0024).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb
from sqlalchemy import JSON, ColumnElement, Insert, Select, inspect
from sqlalchemy.orm import Mapper, make_transient, make_transient_to_detached
from sqlalchemy.orm.attributes import instance_dict

from chassis.queries import Lookup


class _Part(NamedTuple):
    """Where the columns of one mapped class are in a row."""

    row_type: type
    keys: Sequence[str]
    start: int
    key_at: int

    def object_in(self, row: Sequence[Any]) -> Any:
        """The object; None where an outer join found none."""
        if row[self.key_at] is None:
            return None
        found = self.row_type()
        instance_dict(found).update(zip(self.keys, row[self.start :], strict=False))
        make_transient_to_detached(found)
        return found


class Entities(Lookup):
    """A SELECT, or an INSERT that gives rows back, of whole mapped objects and single values; compiled once."""

    __slots__ = ("_parts",)

    def __init__(self, statement: Select[Any] | Insert, *wanted: type | ColumnElement[Any]) -> None:
        self._parts: list[_Part | int] = []
        columns: list[ColumnElement[Any]] = []
        for each in wanted:
            if not isinstance(each, type):
                self._parts.append(len(columns))
                columns.append(each)
                continue
            mapper: Mapper[Any] = inspect(each, raiseerr=True)
            keys = [attribute.key for attribute in mapper.column_attrs]
            own = [attribute.columns[0] for attribute in mapper.column_attrs]
            is_key = [column in mapper.primary_key for column in own]
            key_at = len(columns) + is_key.index(True)
            self._parts.append(_Part(each, keys, len(columns), key_at))
            columns += own
        labelled = [column.label(f"c{index}") for index, column in enumerate(columns)]
        if isinstance(statement, Insert):
            super().__init__(statement.returning(*labelled))
        else:
            super().__init__(statement.with_only_columns(*labelled, maintain_column_froms=True))

    def of(self, row: Sequence[Any], met: Callable[[object], object]) -> list[Any]:
        """What was wanted, in its order, from one row of the driver; `met` gives the object of a row met before."""
        found = [row[part] if isinstance(part, int) else part.object_in(row) for part in self._parts]
        return [
            value if value is None or isinstance(part, int) else met(value)
            for part, value in zip(self._parts, found, strict=True)
        ]


class Update(NamedTuple):
    """The statement that writes what has changed of an object, and its parameters."""

    sql: str
    values: Mapping[str, Any]


def update_of(row: object) -> Update | None:
    """What has changed of an object since it was read or written; None when nothing has."""
    state = inspect(row, raiseerr=True)
    if not state.modified:
        return None
    documents, unmodified, held = _documents(state.mapper), state.unmodified, instance_dict(row)
    touched = [key for key in documents if key not in unmodified]
    changed = tuple(key for key in touched if state.attrs[key].history.has_changes())
    if not changed:
        return None
    values = {
        f"new_{key}": Jsonb(held[key]) if documents[key] and held[key] is not None else held[key]
        for key in changed
    }
    identity = {f"key_{index}": value for index, value in enumerate(state.identity or ())}
    return Update(_sql(state.mapper, changed), values | identity)


def key_of(row: object) -> Any:
    """Which row of which table an object is."""
    return inspect(row, raiseerr=True).key


def written(row: object) -> None:
    """From here on, an object that was inserted or updated is as it was read."""
    if inspect(row, raiseerr=True).identity is not None:
        make_transient(row)  # only what belongs to no row can be given one
    make_transient_to_detached(row)


@cache
def _documents(mapper: Mapper[Any]) -> Mapping[str, bool]:
    """The attributes of a class that are columns, and whether each is a JSON document."""
    return {each.key: isinstance(each.columns[0].type, JSON) for each in mapper.column_attrs}


@cache
def _sql(mapper: Mapper[Any], changed: tuple[str, ...]) -> str:
    names = {each.key: each.columns[0].name for each in mapper.column_attrs}
    assignments = ", ".join(f'"{names[key]}" = %(new_{key})s' for key in changed)
    keys = " AND ".join(
        f'"{column.name}" = %(key_{index})s' for index, column in enumerate(mapper.primary_key)
    )
    return f'UPDATE "{mapper.local_table.description}" SET {assignments} WHERE {keys}'  # noqa: S608 - our own names
