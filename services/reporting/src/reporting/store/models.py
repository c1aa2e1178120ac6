"""Keeping facts and the read models that follow from them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from reporting.domain.facts import KeptFact
from reporting.domain.models import MODELS, KnownOrganisation, Model

FACT: Any = KeptFact.__table__

Row = Mapping[str, Any]


async def add_fact(session: AsyncSession, fact: Row, told: Sequence[tuple[type[Model], Row]]) -> None:
    """Keep a fact for good and the rows that it tells, in one statement; what is here already or newer stays."""
    parameters = dict(fact)
    for place, (_, row) in enumerate(told):
        parameters |= {f"{name}_{place}": value for name, value in row.items()}
    statement = _adding(tuple(model for model, _ in told))
    await (await session.connection()).exec_driver_sql(statement, parameters)


async def keep(session: AsyncSession, model: Any, rows: Sequence[Row]) -> None:
    """Insert or replace rows, each at most once, where these are newer than what is there."""
    await (await session.connection()).exec_driver_sql(_keeping(model, ""), list(rows))


def newest(rows: Iterable[Row]) -> list[Row]:
    """Of each aggregate the newest row."""
    found: dict[UUID, Row] = {}
    for row in rows:
        there = found.get(row["id"])
        if there is None or (there["version"], there["event_id"]) < (row["version"], row["event_id"]):
            found[row["id"]] = row
    return [found[row_id] for row_id in sorted(found)]


async def clear(session: AsyncSession, org_id: UUID) -> None:
    """Empty the read models of an organisation, before they are rebuilt."""
    for model in MODELS:
        await session.execute(delete(model).where(model.org_id == org_id))


async def list_facts(session: AsyncSession, org_id: UUID, after: UUID | None, limit: int) -> Sequence[Any]:
    """The facts of an organisation in the order of their ids."""
    wanted = select(FACT.c.event_id, FACT.c.type, FACT.c.payload).where(FACT.c.org_id == org_id)
    if after is not None:
        wanted = wanted.where(FACT.c.event_id > after)
    return (await session.execute(wanted.order_by(FACT.c.event_id).limit(limit))).all()


async def find_rules(session: AsyncSession, org_id: UUID) -> Mapping[str, Any] | None:
    """What the organisation demands at the doors; None while no fact has told it, or only to an older version."""
    wanted = select(KnownOrganisation.rules).where(
        KnownOrganisation.org_id == org_id,
        KnownOrganisation.id == org_id,
        KnownOrganisation.rules.has_key("strong_permissions"),
    )
    return await session.scalar(wanted)


async def list_organisations(session: AsyncSession) -> list[UUID]:
    """Every organisation of which there are facts; for the system role."""
    known = select(FACT.c.org_id).distinct().order_by(FACT.c.org_id)
    return list(await session.scalars(known))


@cache
def _adding(told: tuple[Any, ...]) -> str:
    names = [column.name for column in FACT.c]
    columns, values = ", ".join(names), ", ".join(f"%({name})s" for name in names)
    added = f"INSERT INTO fact ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    kept = "".join(f"told_{place} AS ({_keeping(model, f'_{place}')}), " for place, model in enumerate(told))
    return f"WITH {kept} added AS ({added}) SELECT"


@cache
def _keeping(model: Any, suffix: str) -> str:
    """Insert or replace a row; its parameters are the names of its columns and the suffix."""
    table = model.__table__
    names = [column.name for column in table.c]
    columns, values = ", ".join(names), ", ".join(f"%({name}{suffix})s" for name in names)
    replaced = ", ".join(f"{name} = excluded.{name}" for name in names if name not in {"org_id", "id"})
    return (
        f"INSERT INTO {table.name} AS known ({columns}) VALUES ({values})"  # noqa: S608 - our own names
        f" ON CONFLICT (org_id, id) DO UPDATE SET {replaced}"
        " WHERE (known.version, known.event_id) < (excluded.version, excluded.event_id)"
    )
