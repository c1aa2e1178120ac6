"""New rows: the INSERT of a mapped class, built once and run on the driver.

The ORM's unit of work costs several times what the row costs (design/performance.md).
"""

from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import JSON, inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import instance_dict
from sqlalchemy.sql.elements import NamedColumn

from chassis.queries import Lookup

_PREFIX = "new_"


class Insert:
    """The INSERT of one mapped class, all columns: what an object leaves out is the column's default, or NULL."""

    def __init__(self, row_type: type) -> None:
        mapper: Mapper[Any] = inspect(row_type, raiseerr=True)
        self._table = mapper.local_table.description
        self._columns: dict[str, NamedColumn[Any]] = {
            each.key: each.columns[0] for each in mapper.column_attrs
        }
        names = ", ".join(f'"{column.name}"' for column in self._columns.values())
        values = ", ".join(f"%({_PREFIX}{key})s" for key in self._columns)
        self.sql = f'INSERT INTO "{self._table}" ({names}) VALUES ({values})'  # noqa: S608 - our own tables' names
        self._documents = {key for key, column in self._columns.items() if isinstance(column.type, JSON)}
        self._defaults = {key: getattr(column.default, "arg", None) for key, column in self._columns.items()}

    def values(self, row: object) -> dict[str, Any]:
        """The parameters for an object, which has a value for every column from now on."""
        held = instance_dict(row)
        for key, default in self._defaults.items():
            held.setdefault(key, default)
        return {
            _PREFIX + key: Jsonb(held[key]) if key in self._documents and held[key] is not None else held[key]
            for key in self._columns
        }

    def answering(self, query: Lookup) -> str:
        """The INSERT and, in the same round trip, `query` with nothing but the new row in place of its table."""
        # A WITH query of the table's name stands for the table in every FROM, but not as the target of an INSERT.
        return f'WITH "{self._table}" AS ({self.sql} RETURNING *) {query.sql}'


def insert_of(row: object) -> Insert:
    """The INSERT of an object's class."""
    row_type = type(row)
    if row_type not in _INSERTS:
        _INSERTS[row_type] = Insert(row_type)
    return _INSERTS[row_type]


_INSERTS: dict[type, Insert] = {}
