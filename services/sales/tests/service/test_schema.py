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
from sales.http.contacts import ContactsQuery
from sales.http.deals import DealsQuery
from sales.http.leads import LeadsQuery
from sales.http.shapes import RowsQuery
from sales.main import SALES
from sales.store import boards, companies, contacts, deals, leads

ORGANISATIONS, ROWS = 20, 400
COMPANIES = """
    INSERT INTO company (org_id, id, version, name, owner_user_id, created_at, updated_at)
    SELECT org_id, gen_random_uuid(), 1, 'Company ' || n, :owner,
           now() - n * interval '1 hour' - CASE WHEN org_id = :ours THEN interval '1 year' ELSE interval '0' END, now()
    FROM unnest(CAST(:orgs AS uuid[])) AS org_id, generate_series(1, :rows) AS n
"""
CONTACTS = """
    INSERT INTO contact (org_id, id, version, name, company_id, owner_user_id, channels, created_at, updated_at)
    SELECT org_id, gen_random_uuid(), 1, 'Contact ' || name, id, :owner, '[]', created_at, now()
    FROM company WHERE org_id = ANY(CAST(:orgs AS uuid[]))
"""
LEADS = """
    INSERT INTO lead (org_id, id, version, title, stage, company_id, owner_user_id, created_at, updated_at)
    SELECT org_id, gen_random_uuid(), 1, 'Lead ' || name, 'NEW', id, :owner, created_at, now()
    FROM company WHERE org_id = ANY(CAST(:orgs AS uuid[]))
"""
DEALS = """
    INSERT INTO deal (org_id, id, version, title, stage, company_id, owner_user_id, currency, value_minor,
                      last_activity_at, created_at, updated_at)
    SELECT org_id, gen_random_uuid(), 1, 'Deal ' || name, 'OPEN', id, :owner, 'EUR', 100, now(), created_at, now()
    FROM company WHERE org_id = ANY(CAST(:orgs AS uuid[]))
"""
BEFORE_PIPELINES = """
    INSERT INTO known_organisation (org_id, id, version, name, slug, status, time_zone, currency, locale, modules,
                                    guardrails, copied_at)
    VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000001', 1, 'nothing', 'a', 'active',
            'UTC', 'EUR', 'en', '[]', '{}', now());
    INSERT INTO company (org_id, id, version, name, created_at, updated_at)
    VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000003', 1, 'C', now(), now());
    INSERT INTO deal (org_id, id, version, title, stage, company_id, currency, last_activity_at, created_at, updated_at)
    VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000004', 1, 'deal', 'OPEN',
            '00000000-0000-7000-8000-000000000003', 'EUR', now(), now() - interval '1 day', now());
"""
AFTER_PIPELINES = """
    SELECT coalesce(deal.title, 'nothing'), is_default, pipeline_stage, jsonb_array_length(pipeline.stages)
    FROM pipeline LEFT JOIN deal ON pipeline_id = pipeline.id AND stage_entered_at = deal.created_at ORDER BY 1
"""


def test_migrations_make_the_models(databases: Databases) -> None:
    databases.migrated(SALES)
    command.check(configuration(SALES.migrations, databases.url("sales", "owner")))


async def fill(place: Place, owner_url: str) -> None:
    """As many rows in each of many organisations, ours the oldest: who walks by age meets all the others first."""
    others = [new_id() for _ in range(ORGANISATIONS - 1)]
    parameters = {
        "orgs": [place.org_id, *others],
        "ours": place.org_id,
        "rows": ROWS,
        "owner": place.stand.user_id,
    }
    async with place.stand.runtime.system.session(None) as session:
        for statement in (COMPANIES, CONTACTS, LEADS, DEALS):
            names = re.findall(r":(\w+)", statement)
            await session.execute(text(statement), {name: parameters[name] for name in names})
        await session.commit()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ANALYZE company, contact, lead, deal")


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
    [
        (companies.LIST, CompaniesQuery, ("q", "live")),
        (contacts.LIST, ContactsQuery, ("q", "company_id")),
        (leads.LIST, LeadsQuery, ("stage",)),
        (deals.LIST, DealsQuery, ("stage",)),
    ],
    ids=["companies", "contacts", "leads", "deals"],
)
async def test_lists_look_at_rows_of_one_organisation_only(
    place: Place, databases: Databases, listed: ListQuery, shape: type[RowsQuery], filtered: tuple[str, ...]
) -> None:
    await fill(place, databases.url("sales", "owner"))
    for sort_by in get_args(shape.model_fields["sort_by"].annotation):
        for filters in ((), filtered, ("owner_user_id",)):
            lookup = listed.compiled(shape.model_validate({"sortBy": sort_by}), *filters)
            owner = place.stand.user_id
            node = await plan(place, lookup, q="7", stage="OPEN", company_id=new_id(), owner_user_id=owner)
            for name, looked_at in scans(node):
                assert looked_at <= ROWS, (sort_by, name, node)


@pytest.mark.parametrize("lookup", [boards.FIGURES, boards.NEWEST], ids=["figures", "newest"])
async def test_board_looks_at_rows_of_one_organisation_only(
    place: Place, databases: Databases, lookup: Lookup
) -> None:
    await fill(place, databases.url("sales", "owner"))
    for filters in ({"owner_user_id": None, "q": None}, {"owner_user_id": place.stand.user_id, "q": "7"}):
        found = {"pipeline_id": new_id(), "is_default": True, "first_stage": "qualification"} | filters
        node = await plan(place, lookup, **found)
        assert [name for name, _ in scans(node)].count("deal") >= 1
        for name, looked_at in scans(node):
            assert looked_at <= ROWS, (name, node)


def test_organisations_that_are_known_get_their_default_pipeline(databases: Databases) -> None:
    name = "sales_with_deals"
    databases.cluster.ensure_database("sales", name=name)
    url = databases.cluster.url("sales_owner", name)
    config = configuration(SALES.migrations, url)
    command.upgrade(config, "0003")
    with databases.cluster.connect(name) as admin:
        admin.execute(BEFORE_PIPELINES)
        admin.commit()
        command.upgrade(config, "0004")
        rows = admin.execute(AFTER_PIPELINES).fetchall()
        forced = admin.execute(
            "SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
        )
        assert forced.fetchone() == (0,)
    assert rows == [("deal", True, "qualification", 4), ("nothing", True, None, 4)]
