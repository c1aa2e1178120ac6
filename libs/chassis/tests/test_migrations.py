"""Migrations: tenant rules in the catalogue, several at once, refused schemas."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import text

from chassis import migrations
from chassis.database import Database
from chassis.migrations import TENANTLESS, configuration, upgrade
from chassis.revisions import SchemaMismatch, head_revision
from chassis.service import check_schema
from chassis.testing.databases import Databases
from chassis.testing.stand import Stand
from sample.notes import NOTES

TABLES = """
SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name,
  c.relrowsecurity AS is_secured,
  c.relforcerowsecurity AS is_forced, pg_get_userbyid(c.relowner) AS owner,
  EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND a.attnotnull) AS has_tenant,
  (SELECT array_agg(pg_get_expr(p.polqual, p.polrelid) || ' | ' || pg_get_expr(p.polwithcheck, p.polrelid))
   FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
KEYS = """
SELECT c.relname AS table, i.relname AS index, pg_get_indexdef(i.oid, 1, true) AS first_column
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE x.indisunique AND n.nspname = 'public'
"""
RIGHTS = """
SELECT grantee || ' ' || table_name || ' ' || privilege_type FROM information_schema.role_table_grants
WHERE table_schema = 'public' AND grantee IN ('sales_app', 'sales_system')
"""


@pytest.fixture
def catalogue(databases: Databases, notes: Stand) -> Any:
    """Questions to the catalogue of the migrated sample service."""

    def ask(query: str) -> list[Any]:
        with databases.cluster.connect("sales") as superuser:
            superuser.row_factory = psycopg.rows.namedtuple_row
            return superuser.execute(query).fetchall()

    return ask


def test_every_table_is_a_tenants_or_on_the_written_list(catalogue: Any) -> None:
    tables = {row.name: row for row in catalogue(TABLES) if row.name != "known_company"}
    assert tables.keys() >= TENANTLESS
    policy = "(org_id = (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid)"
    for name in tables.keys() - TENANTLESS:
        table = tables[name]
        assert (table.has_tenant, table.is_secured, table.is_forced) == (True, True, True), name
        assert table.policies == [f"{policy} | {policy}"], name
        assert table.owner == "sales_owner"


def test_every_unique_key_begins_with_the_organisation(catalogue: Any) -> None:
    keys = [row for row in catalogue(KEYS) if row.table not in TENANTLESS]
    assert len(keys) > 8
    assert {row.first_column for row in keys} == {"org_id"}


def test_roles_can_do_what_they_must_and_no_more(catalogue: Any) -> None:
    rights = {row[0] for row in catalogue(RIGHTS)}
    assert {"sales_app activity SELECT", "sales_app activity INSERT", "sales_app outbox UPDATE"} <= rights
    assert not {"sales_app activity UPDATE", "sales_app activity DELETE"} & rights
    assert not [right for right in rights if right.rsplit(" ", 1)[1] in {"TRUNCATE", "REFERENCES", "TRIGGER"}]
    roles = {row[0]: row for row in catalogue("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles")}
    assert roles["sales_app"][1:] == (False, False)
    assert roles["sales_system"][1:] == (False, True)


async def test_history_cannot_be_rewritten(notes: Stand) -> None:
    async with notes.client() as client:
        await client.post("/api/v1/notes", json={"title": "Written once"})
    for statement in ("UPDATE activity SET action = 'x'", "DELETE FROM activity"):
        async with notes.runtime.source.database.session(notes.org_id) as session:
            with pytest.raises(Exception, match="permission denied"):
                await session.execute(text(statement))


async def test_several_upgrades_at_once_leave_one_schema(databases: Databases) -> None:
    databases.cluster.ensure_database("sales", name="sales_twice")
    url = databases.cluster.url("sales_owner", "sales_twice")
    with ThreadPoolExecutor(3) as pool:
        loop = asyncio.get_running_loop()
        programs = [loop.run_in_executor(pool, run_migrate, url) for _ in range(3)]
        results = await asyncio.gather(*programs)
    assert results == [0, 0, 0]
    with databases.cluster.connect("sales_twice") as superuser:
        assert superuser.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


def run_migrate(url: str) -> int:
    """Another process that migrates: alembic keeps its context in a global."""
    program = (
        "import sys; from sample.notes import NOTES; from chassis.migrations import upgrade;"
        " upgrade(NOTES.migrations, sys.argv[1])"
    )
    paths = {"PYTHONPATH": str(Path(__file__).parent), "PATH": "/bin"}
    return subprocess.run([sys.executable, "-c", program, url], env=paths, check=False, timeout=60).returncode


async def test_upgrade_waits_for_whoever_holds_a_lock(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(migrations, "ATTEMPTS", 4)
    with databases.cluster.connect("sales") as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT pg_advisory_xact_lock(hashtext('execos.migrate'))")
        with pytest.raises(Exception, match="lock timeout"):
            await asyncio.to_thread(upgrade, NOTES.migrations, databases.url("sales", "owner"))
        holder.execute("ROLLBACK")
    assert await asyncio.to_thread(upgrade, NOTES.migrations, databases.url("sales", "owner")) == "0001"


def test_models_and_migrations_agree(databases: Databases, notes: Stand) -> None:
    with databases.cluster.connect("sales") as superuser:
        superuser.execute("DROP TABLE IF EXISTS known_company")  # another test's
    command.check(configuration(NOTES.migrations, databases.url("sales", "owner")))


async def test_another_schema_is_refused(databases: Databases, notes: Stand, tmp_path: Path) -> None:
    databases.cluster.ensure_database("sales", name="sales_empty")
    database = Database(databases.cluster.url("sales_app", "sales_empty"), application="test")
    with pytest.raises(
        SchemaMismatch, match=r"is at nothing, this code needs 0001: run `python -m sales migrate`"
    ):
        await check_schema(NOTES, database)
    await check_schema(NOTES, notes.runtime.source.database)
    with databases.cluster.connect("sales_empty") as superuser:
        superuser.execute("CREATE TABLE alembic_version (version_num text)")
        superuser.execute("INSERT INTO alembic_version VALUES ('9999')")
        superuser.execute("GRANT SELECT ON alembic_version TO sales_app")
    with pytest.raises(SchemaMismatch, match="is at 9999"):
        await check_schema(NOTES, database)
    await database.dispose()
    (tmp_path / "env.py").touch()
    (tmp_path / "versions").mkdir()
    with pytest.raises(SchemaMismatch, match="0 newest revisions"):
        head_revision(tmp_path)
