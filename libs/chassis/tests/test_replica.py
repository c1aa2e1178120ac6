"""Copies of other services' rows: the newest version wins, what is missing is asked for before the transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import String, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.errors import DependencyUnavailable
from chassis.ids import new_id
from chassis.replica import Copy, Replica
from chassis.rows import service_metadata
from chassis.testing.databases import Databases
from chassis.testing.stand import Stand


class Row(DeclarativeBase):
    metadata = service_metadata()


class KnownCompany(Row, Copy):
    __tablename__ = "known_company"
    name: Mapped[str] = mapped_column(String(255))


COMPANIES = Replica(KnownCompany)


class Owner:
    """The service that owns the rows, or its absence."""

    def __init__(self, **names: str) -> None:
        self.names = names
        self.asked: list[list[UUID]] = []
        self.is_away = False

    async def ask(self, org_id: UUID, ids: Sequence[UUID]) -> list[dict[str, Any]]:
        self.asked.append(list(ids))
        if self.is_away:
            raise DependencyUnavailable("The sales service does not answer; try again.")
        return [
            company(org_id, row_id, self.names[str(row_id)]) for row_id in ids if str(row_id) in self.names
        ]


def company(org_id: UUID, row_id: UUID, name: str, version: int = 1) -> dict[str, Any]:
    return {"org_id": org_id, "id": row_id, "version": version, "name": name}


@pytest.fixture
async def stand(notes: Stand, databases: Databases) -> Stand:
    with databases.cluster.connect("sales") as superuser:
        superuser.execute(
            "CREATE TABLE IF NOT EXISTS known_company (org_id uuid, id uuid, version int, copied_at timestamptz,"
            " name varchar(255), PRIMARY KEY (org_id, id))"
        )
        superuser.execute("GRANT SELECT, INSERT, UPDATE ON known_company TO sales_app")
    return notes


async def keep(stand: Stand, *rows: dict[str, Any]) -> None:
    async with stand.runtime.source.database.session(stand.org_id) as session:
        await COMPANIES.keep(session, rows, stand.clock.now)
        await session.commit()


async def name_of(stand: Stand, row_id: UUID) -> str | None:
    async with stand.runtime.source.database.session(stand.org_id, read_only=True) as session:
        found = await COMPANIES.find(session, stand.org_id, row_id)
        return found.name if found else None


async def test_newer_version_replaces_and_older_or_same_changes_nothing(stand: Stand) -> None:
    row_id = new_id()
    await keep(stand, company(stand.org_id, row_id, "second", 2))
    await keep(stand, company(stand.org_id, row_id, "first", 1))
    await keep(stand, company(stand.org_id, row_id, "also second", 2))
    assert await name_of(stand, row_id) == "second"
    await keep(stand, company(stand.org_id, row_id, "third", 3), company(stand.org_id, new_id(), "other"))
    assert await name_of(stand, row_id) == "third"
    await keep(stand)


async def test_missing_rows_are_asked_for_once_and_kept(stand: Stand) -> None:
    known, missing, unknown = new_id(), new_id(), new_id()
    await keep(stand, company(stand.org_id, known, "known"))
    owner = Owner(**{str(missing): "asked for"})
    source = stand.runtime.source
    await COMPANIES.ensure(source, stand.org_id, [known, missing, None, missing, unknown], owner.ask)
    assert owner.asked == [sorted([missing, unknown])]
    assert await name_of(stand, missing) == "asked for"
    assert await name_of(stand, unknown) is None
    await COMPANIES.ensure(source, stand.org_id, [known, missing], owner.ask)
    assert len(owner.asked) == 1


async def test_nothing_wanted_costs_nothing(stand: Stand) -> None:
    owner = Owner()
    await COMPANIES.ensure(stand.runtime.source, stand.org_id, [None], owner.ask)
    assert owner.asked == []


async def test_owner_away_refuses_only_what_is_missing(stand: Stand) -> None:
    known, owner = new_id(), Owner()
    owner.is_away = True
    await keep(stand, company(stand.org_id, known, "known"))
    await COMPANIES.ensure(stand.runtime.source, stand.org_id, [known], owner.ask)
    with pytest.raises(DependencyUnavailable):
        await COMPANIES.ensure(stand.runtime.source, stand.org_id, [known, new_id()], owner.ask)


async def test_no_transaction_is_open_while_the_owner_is_asked(stand: Stand, databases: Databases) -> None:
    open_transactions: list[int] = []

    async def ask(_org_id: UUID, _ids: Sequence[UUID]) -> list[dict[str, Any]]:
        async with stand.runtime.system.session(None) as session:
            counted = (
                select(func.count())
                .select_from(text("pg_stat_activity"))
                .where(text("usename = 'sales_app' AND state LIKE 'idle in%'"))
            )
            open_transactions.append(await session.scalar(counted) or 0)
        return []

    await COMPANIES.ensure(stand.runtime.source, stand.org_id, [new_id()], ask)
    assert open_transactions == [0]
