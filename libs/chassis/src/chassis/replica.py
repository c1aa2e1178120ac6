"""Copies of other services' rows: replaced by version, asked for at the door when missing (architecture.md 2)."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from chassis.rows import Instant
from chassis.tx import Source

Values = Mapping[str, Any]
Ask = Callable[[UUID, Sequence[UUID]], Awaitable[Sequence[Values]]]
"""Ask the owner for rows by organisation and ids; unknown ids are left out."""


class Copy:
    """Mixin with the columns of every copy: the owner's id and version, and when it arrived here."""

    __table__: ClassVar[Any]

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    copied_at: Mapped[datetime] = mapped_column(Instant)


C = TypeVar("C", bound=Copy)


class Replica(Generic[C]):
    """The copy of one kind of rows in this service's database."""

    def __init__(self, row: type[C]) -> None:
        self.row = row
        self.table: Table = row.__table__
        statement = insert(self.table)
        replaced = {
            column.name: statement.excluded[column.name] for column in self.table.c if not column.primary_key
        }
        # Without values: an INSERT of a list of rows is compiled anew every time, which costs more than running it.
        self._keep = statement.on_conflict_do_update(
            index_elements=[self.table.c.org_id, self.table.c.id],
            set_=replaced,
            where=self.table.c.version < statement.excluded.version,
        )

    async def keep(self, session: AsyncSession, rows: Sequence[Values], now: datetime) -> None:
        """Insert or replace rows; an older version than the stored one changes nothing."""
        for row in rows:
            await session.execute(self._keep, {**row, "copied_at": now})

    async def find(self, session: AsyncSession, org_id: UUID, row_id: UUID) -> C | None:
        """The copy, or None when it is not here (yet)."""
        found = await session.scalars(
            select(self.row).where(self.row.org_id == org_id, self.row.id == row_id)
        )
        return found.one_or_none()

    async def ensure(
        self,
        source: Source,
        org_id: UUID,
        ids: Collection[UUID | None],
        ask: Ask,
        *where: ColumnElement[bool],
    ) -> None:
        """Before a transaction: ask the owner for what is missing here and keep it.

        Copies for which `where` does not hold are asked for again: the fact that it does may be on its way.
        Raises DependencyUnavailable when something is missing and the owner does not answer.
        """
        wanted = {row_id for row_id in ids if row_id is not None}
        if not wanted:
            return
        async with source.database.session(org_id, read_only=True) as session:
            known = select(self.table.c.id).where(
                self.table.c.org_id == org_id, self.table.c.id.in_(wanted), *where
            )
            missing = sorted(wanted - set(await session.scalars(known)))
        if not missing:
            return
        rows = await ask(org_id, missing)
        async with source.database.session(org_id) as session:
            await self.keep(session, rows, source.clock())
            await session.commit()
