"""The schema: migrations make the models, and lists never walk the rows of other organisations."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import psycopg
import pytest
from alembic import command
from services.sales.tests.place import Place
from sqlalchemy import text

from chassis.auth import system_actor
from chassis.ids import new_id
from chassis.migrations import configuration
from chassis.queries import ListQuery, Lookup
from chassis.testing.databases import Databases
from sales.http.companies import CompaniesQuery
from sales.http.deals import DealsQuery
from sales.http.shapes import RowsQuery
from sales.main import SALES
from sales.store import companies, deals

ORGANISATIONS, ROWS = 20, 400
COMPANIES = """
    INSERT INTO company (org_id, id, version, name, created_at, updated_at)
    SELECT org_id, gen_random_uuid(), 1, 'Company ' || n,
           now() - n * interval '1 hour' - CASE WHEN org_id = :ours THEN interval '1 year' ELSE interval '0' END, now()
    FROM unnest(CAST(:orgs AS uuid[])) AS org_id, generate_series(1, :rows) AS n
"""
DEALS = """
    INSERT INTO deal (org_id, id, version, title, stage, company_id, currency, value_minor, last_activity_at,
                      created_at, updated_at)
    SELECT org_id, gen_random_uuid(), 1, 'Deal ' || name, 'OPEN', id, 'EUR', 100, now(), created_at, now()
    FROM company WHERE org_id = ANY(CAST(:orgs AS uuid[]))
"""


def test_migrations_make_the_models(databases: Databases) -> None:
    databases.migrated(SALES)
    command.check(configuration(SALES.migrations, databases.url("sales", "owner")))


async def fill(place: Place, owner_url: str) -> None:
    """As many rows in each of many organisations, ours the oldest: who walks by age meets all the others first."""
    others = [new_id() for _ in range(ORGANISATIONS - 1)]
    parameters = {"orgs": [place.org_id, *others], "ours": place.org_id, "rows": ROWS}
    async with place.stand.runtime.system.session(None) as session:
        for statement in (COMPANIES, DEALS):
            names = re.findall(r":(\w+)", statement)
            await session.execute(text(statement), {name: parameters[name] for name in names})
        await session.commit()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ANALYZE company, deal")


def scans(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Every table that a plan reads, and how many of its rows it looked at."""
    if "Relation Name" in node:
        looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        yield node["Relation Name"], round(looked_at * node["Actual Loops"])
    for child in node.get("Plans", []):
        yield from scans(child)


async def plan(place: Place, lookup: Lookup, **parameters: Any) -> dict[str, Any]:
    """How PostgreSQL answers a list, having done it."""
    values = {
        "org_id": place.org_id,
        "now": place.stand.clock.now,
        "row_limit": 20,
        "row_offset": 0,
    } | parameters
    async with place.stand.runtime.source.reading(system_actor(place.org_id)) as reading:
        driver = (await reading._begun()).driver
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {lookup.sql}"
        cursor = await driver.execute(explain, lookup.values(values))
        row = await cursor.fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


@pytest.mark.parametrize(
    ("listed", "shape", "filtered"),
    [(companies.LIST, CompaniesQuery, ("q", "live")), (deals.LIST, DealsQuery, ("stage",))],
    ids=["companies", "deals"],
)
async def test_lists_look_at_rows_of_one_organisation_only(
    place: Place, databases: Databases, listed: ListQuery, shape: type[RowsQuery], filtered: tuple[str, ...]
) -> None:
    await fill(place, databases.url("sales", "owner"))
    for sort_by in get_args(shape.model_fields["sort_by"].annotation):
        for filters in ((), filtered):
            lookup = listed.compiled(shape.model_validate({"sortBy": sort_by}), *filters)
            node = await plan(place, lookup, q="7", stage="OPEN")
            for name, looked_at in scans(node):
                assert looked_at <= ROWS, (sort_by, name, node)
