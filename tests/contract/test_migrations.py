"""Migrations: one head, from nothing to exactly what the models say, and safe to run again."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event
from tests.contract.platform import ORDER, Platform, service_named

from chassis.migrations import configuration, upgrade
from chassis.revisions import head_revision
from chassis.service import check_schema
from chassis.testing.databases import Databases

SQUAWK = Path(sys.executable).with_name("squawk")
DEFINITIONS = {"SET", "ALTER", "CREATE", "DROP", "UPDATE", "DELETE", "INSERT", "TRUNCATE"}
EXCLUDED = {
    "prefer-text-field": "text has a length in its column (design/data.md)",
    "ban-char-field": "a currency has three letters (design/data.md)",
    "prefer-bigint-over-int": "versions and counts; ids are UUIDs",
    "prefer-bigint-over-smallint": "the same",
    "require-statement-timeout": "the owner role has one",
}
"""Rules of squawk that do not hold here, and why."""
ALLOWED: Mapping[tuple[str, str], Sequence[str]] = {
    # A mail can be superseded: a wider constraint in the place of another, for which the table is read once.
    ("notifications", "0003"): ("ban-drop-constraint", "constraint-missing-not-valid"),
    # A role may be an organisation's own; and memberships are so few that an index of them takes milliseconds.
    ("identity", "0004"): ("ban-drop-constraint", "require-concurrent-index-creation"),
    # It leaves the transaction of the migrations, so that nobody who writes contacts or companies waits for it.
    ("sales", "0010"): ("ban-concurrent-index-creation-in-transaction",),
    # The same for the outbox, of whoever publishes facts.
    **dict.fromkeys(
        {
            "identity": "0012",
            "sales": "0011",
            "work": "0004",
            "billing": "0004",
            "notifications": "0005",
            "reporting": "0006",
        }.items(),
        ("ban-concurrent-index-creation-in-transaction",),
    ),
}
"""Revisions that may break a rule, and why."""


@pytest.fixture(params=ORDER)
def service(request: pytest.FixtureRequest) -> str:
    """Each service in turn."""
    name: str = request.param
    return name


def test_there_is_one_head(service: str):
    script = ScriptDirectory.from_config(configuration(service_named(service).migrations))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_migrations_make_the_models(service: str, databases: Databases):
    composition = service_named(service)
    databases.migrated(composition)
    command.check(configuration(composition.migrations, databases.url(service, "owner")))


def test_migrating_again_changes_nothing(service: str, databases: Databases):
    composition = service_named(service)
    databases.migrated(composition)
    assert upgrade(composition.migrations, databases.url(service, "owner")) == head_revision(
        composition.migrations
    )


async def test_services_start_on_what_the_migrations_made(service: str, platform: Platform):
    await check_schema(service_named(service), platform.stands[service].runtime.source.database)


def _statements(service: str, databases: Databases) -> dict[str, list[str]]:
    """What each revision executes on a new database, without the job queue's own schema."""
    composition, name = service_named(service), f"{service}_linted"
    databases.cluster.ensure_database(service, name=name)
    config = configuration(composition.migrations, databases.cluster.url(f"{service}_owner", name))
    found: dict[str, list[str]] = {}

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        first = statement.split(maxsplit=1)[0].upper()
        if first in DEFINITIONS and "procrastinate" not in statement and "alembic_version" not in statement:
            found[revision].append(statement.strip().rstrip(";") + ";")

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
            revision = script.revision
            found[revision] = []
            command.upgrade(config, revision)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return found


def _complaints(path: Path, *more_excluded: str) -> str:
    excluded = ",".join([*EXCLUDED, *more_excluded])
    arguments = ["--assume-in-transaction", "--reporter", "gcc", f"--exclude={excluded}", str(path)]
    said = subprocess.run([SQUAWK, *arguments], capture_output=True, text=True, check=False, timeout=30)
    return said.stdout if said.returncode else ""


def test_migrations_lock_nothing_that_is_in_use(service: str, databases: Databases, tmp_path: Path):
    for revision, statements in _statements(service, databases).items():
        assert statements  # one is enough: a later revision may only add a column
        path = tmp_path / f"{service}_{revision}.sql"
        path.write_text("\n".join(statements))
        assert _complaints(path, *ALLOWED.get((service, revision), ())) == ""


def test_a_migration_that_locks_a_table_in_use_is_refused(tmp_path: Path):
    path = tmp_path / "bad.sql"
    path.write_text("CREATE INDEX ix_company_name ON company (org_id, name);")
    assert "require-concurrent-index-creation" in _complaints(path)
    path.write_text("ALTER TABLE company ALTER COLUMN name TYPE varchar(100);")
    assert "changing-column-type" in _complaints(path)
