"""The rules of design/data.md, read from PostgreSQL's own catalogue after every migration has run."""

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from tests.contract.organisations import Organisation
from tests.contract.platform import ORDER, Platform, service_named
from tests.contract.recipes import sent_invoice

from chassis.ids import new_id
from chassis.migrations import JOB_SCHEMA, TENANTLESS
from chassis.testing.databases import Databases

TENANT = "(org_id = (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid)"
KINDS = ("app", "system", "owner")

WITHOUT_TENANT: Mapping[str, Mapping[str, str]] = {
    "identity": {
        "user_account": "a person belongs to themselves, not to an organisation",
        "login_attempts": "counted before it is known who it is",
        "mail_link": "about a person, who belongs to no organisation",
        "signing_key": "one set of keys for the whole deployment",
        "oidc_state": "a browser that has begun to sign in is nobody yet",
        "external_identity": "a person's own, like their password",
        "second_factor": "a person's, like their password",
        "recovery_code": "the same",
        "passkey": "the same",
        "spent_challenge": "answered before anybody is signed in",
    },
}
"""Tables without `org_id` beside the chassis' own (chassis.migrations.TENANTLESS), and why."""

APPEND_ONLY: Mapping[str, frozenset[str]] = {
    "identity": frozenset({"activity", "security_event"}),
    "sales": frozenset({"activity", "deal_stage_move"}),
    "work": frozenset({"activity"}),
    "billing": frozenset({"activity", "payment"}),
    "notifications": frozenset({"activity"}),
    "reporting": frozenset({"activity", "fact", "audit_entry", "audit_seal"}),
}

ACROSS_TENANTS: Mapping[str, str] = {
    "ix_outbox_pending": "the relay reads every organisation's pending facts in order",
    "ix_outbox_prompt": "the same, without those of something large",
    "ix_outbox_bulk": "the relay looks for facts of something large that an aggregate still has",
    "ix_outbox_published": "clean-up by age",
    "ix_inbox_received_at": "clean-up by age",
    "ix_idempotency_created_at": "clean-up by age",
    "ix_job_run_finished_at": "clean-up by age",
    "uq_organisation_slug": "a slug is a host name, so it is unique in the whole deployment",
    "uq_domain_host": "a host leads to one organisation in the whole deployment",
    "ix_organisation_created_by": "how many organisations a person founded today, over all of them",
    "ix_invitation_id": "the link of an invitation names only that",
    "ix_membership_person": "a person who signs in may have several organisations",
    "fk_membership_id": "a person belongs to themselves, so their key has no organisation",
    "fk_session_user_id": "the same",
    "fk_second_factor_user_id": "the same",
    "fk_recovery_code_user_id": "the same",
    "fk_passkey_user_id": "the same",
    "ix_session_expires_at": "clean-up by age",
    "ix_api_key_digest": "a key names nothing but itself",
    "uq_lead_form_digest": "the token of a public form names nothing but itself",
    "ix_session_id": "a refresh token names its session alone",
}
"""Keys and indexes that do not begin with `org_id`, and why."""

UNLIMITED: Mapping[tuple[str, str], str] = {
    ("parked_event", "reason"): "cut by the code that writes it",
    ("audit_entry", "before"): "as it was published and hashed; a message of the broker has at most 256 KiB",
    ("audit_entry", "after"): "the same",
}
"""Columns of text without a length, and why."""

TABLES = """
    SELECT c.relname AS name, n.nspname AS schema, c.relrowsecurity AS has_rls, c.relforcerowsecurity AS is_forced,
           pg_get_userbyid(c.relowner) AS owner,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND a.attnotnull
                   AND a.atttypid = 'uuid'::regtype) AS has_tenant
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     ORDER BY c.relname
"""
KEYS = """
    SELECT c.conname AS name, c.contype::text AS kind, t.relname AS table_name, a.attname AS first_column
      FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
     WHERE n.nspname = 'public' AND c.contype IN ('p', 'u', 'f')
"""
INDEXES = """
    SELECT i.relname AS name, t.relname AS table_name, a.attname AS first_column
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
      JOIN pg_namespace n ON n.oid = t.relnamespace
      LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
     WHERE n.nspname = 'public'
"""


class Catalogue:
    """What PostgreSQL says of one service's migrated database."""

    def __init__(self, databases: Databases, service: str) -> None:
        self.service = service
        self._databases = databases

    def rows(self, query: str, *parameters: Any) -> list[Any]:
        """The rows of a query, as the superuser sees them."""
        with self._databases.cluster.connect(self.service) as connection:
            cursor = connection.cursor(row_factory=psycopg.rows.namedtuple_row)
            return cursor.execute(query, parameters).fetchall()

    def tenant_tables(self) -> list[str]:
        """The tables of organisations' rows."""
        return [row.name for row in self.rows(TABLES) if row.name not in self.tenantless()]

    def tenantless(self) -> set[str]:
        """The tables that are on the list."""
        return {name.rpartition(".")[2] for name in TENANTLESS} | set(WITHOUT_TENANT.get(self.service, ()))


@pytest.fixture(params=ORDER)
def catalogue(request: pytest.FixtureRequest, databases: Databases) -> Catalogue:
    """The catalogue of each service in turn."""
    databases.migrated(service_named(request.param))
    return Catalogue(databases, request.param)


def test_the_application_and_system_roles_hold_no_power(catalogue: Catalogue):
    roles = catalogue.rows("SELECT * FROM pg_roles WHERE rolname LIKE %s", f"{catalogue.service}_%")
    assert {role.rolname for role in roles} == {f"{catalogue.service}_{kind}" for kind in KINDS}
    for role in roles:
        powers = (role.rolsuper, role.rolcreaterole, role.rolcreatedb, role.rolreplication, role.rolinherit)
        assert not any(powers), role.rolname
        assert role.rolbypassrls == role.rolname.endswith("_system"), role.rolname
    memberships = (
        "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE %s"
    )
    assert catalogue.rows(memberships, f"{catalogue.service}_%") == []


def test_only_the_owner_role_owns_anything(catalogue: Catalogue):
    owned = catalogue.rows(
        """SELECT c.relname, pg_get_userbyid(c.relowner) AS owner FROM pg_class c JOIN pg_namespace n
             ON n.oid = c.relnamespace WHERE n.nspname IN ('public', %s)
           UNION ALL SELECT p.proname, pg_get_userbyid(p.proowner) FROM pg_proc p JOIN pg_namespace n
             ON n.oid = p.pronamespace WHERE n.nspname IN ('public', %s)""",
        JOB_SCHEMA,
        JOB_SCHEMA,
    )
    assert {row.owner for row in owned} == {f"{catalogue.service}_owner"}


def test_roles_may_not_create_or_enter_other_databases(catalogue: Catalogue):
    others = set(ORDER) - {catalogue.service}
    known = {row.datname for row in catalogue.rows("SELECT datname FROM pg_database")}
    for kind in KINDS:
        role = f"{catalogue.service}_{kind}"
        (may,) = catalogue.rows("SELECT has_schema_privilege(%s, 'public', 'CREATE') AS create", role)
        assert may.create == (kind == "owner"), role
        for other in sorted(others & known):
            (may,) = catalogue.rows(
                "SELECT has_database_privilege(%s, %s, 'CONNECT') AS connect", role, other
            )
            assert not may.connect, f"{role} may enter {other}"


def test_every_role_has_its_time_limits(catalogue: Catalogue):
    limits = {
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
    }
    rows = catalogue.rows(
        """SELECT r.rolname, s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
            WHERE s.setdatabase = 0 AND r.rolname LIKE %s""",
        f"{catalogue.service}_%",
    )
    assert len(rows) == len(KINDS)
    for row in rows:
        assert {setting.partition("=")[0] for setting in row.setconfig} >= limits, row.rolname


def test_every_table_belongs_to_organisations_or_is_on_the_list(catalogue: Catalogue):
    tables = catalogue.rows(TABLES)
    assert {row.name for row in tables if not row.has_tenant} == catalogue.tenantless()
    assert {row.schema for row in tables if row.has_tenant} == {"public"}


def test_every_tenant_table_is_isolated(catalogue: Catalogue):
    policies = catalogue.rows("SELECT * FROM pg_policies WHERE schemaname = 'public'")
    for row in catalogue.rows(TABLES):
        own = [each for each in policies if each.tablename == row.name]
        if row.name in catalogue.tenantless():
            assert own == []
            continue
        assert row.has_rls, row.name
        assert row.is_forced, row.name
        (policy,) = own
        assert (policy.permissive, policy.cmd, policy.roles) == ("PERMISSIVE", "ALL", ["public"]), row.name
        assert (policy.qual, policy.with_check) == (TENANT, TENANT), row.name


def test_every_key_begins_with_the_organisation(catalogue: Catalogue):
    tables = set(catalogue.tenant_tables())
    bad = [
        row.name
        for row in catalogue.rows(KEYS)
        if row.table_name in tables and row.first_column != "org_id" and row.name not in ACROSS_TENANTS
    ]
    assert bad == []
    with_primary = {row.table_name for row in catalogue.rows(KEYS) if row.kind == "p"}
    assert tables <= with_primary


def test_every_index_begins_with_the_organisation(catalogue: Catalogue):
    tables = set(catalogue.tenant_tables())
    bad = [
        row.name
        for row in catalogue.rows(INDEXES)
        if row.table_name in tables and row.first_column != "org_id" and row.name not in ACROSS_TENANTS
    ]
    assert bad == []


def test_rights_are_no_wider_than_needed(catalogue: Catalogue):
    rights = catalogue.rows(
        """SELECT table_name, grantee, array_agg(privilege_type::text) AS held FROM information_schema.role_table_grants
            WHERE table_schema = 'public' AND grantee NOT LIKE '%%\\_owner' AND grantee <> 'postgres' GROUP BY 1, 2"""
    )
    app = {row.table_name: set(row.held) for row in rows_of(rights, f"{catalogue.service}_app")}
    assert {row.grantee for row in rights} <= {f"{catalogue.service}_app", f"{catalogue.service}_system"}
    for table, held in app.items():
        assert held <= {"SELECT", "INSERT", "UPDATE", "DELETE"}, table
    assert APPEND_ONLY[catalogue.service] <= set(app)
    append_only = {table for table, held in app.items() if held == {"SELECT", "INSERT"}}
    assert append_only - {"alembic_version"} == APPEND_ONLY[catalogue.service]


def rows_of(rights: list[Any], grantee: str) -> list[Any]:
    """The rights of one role."""
    return [row for row in rights if row.grantee == grantee]


def test_views_and_functions_do_not_lend_their_owners_rights(catalogue: Catalogue):
    views = catalogue.rows(
        """SELECT c.relname, c.reloptions FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""
    )
    assert [row.relname for row in views if "security_invoker=true" not in (row.reloptions or ())] == []
    definers = catalogue.rows(
        """SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""
    )
    assert definers == []


def test_columns_have_exact_types(catalogue: Catalogue):
    columns = catalogue.rows(
        """SELECT table_name, column_name, data_type, character_maximum_length AS length
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"""
    )
    inexact = {"real", "double precision", "money", "timestamp without time zone", "json"}
    assert [row for row in columns if row.data_type in inexact] == []
    unlimited = {(row.table_name, row.column_name) for row in columns if _is_unlimited(row)}
    assert unlimited <= set(UNLIMITED)
    assert [row for row in columns if row.column_name.endswith("_minor") and row.data_type != "bigint"] == []


def _is_unlimited(column: Any) -> bool:
    is_text = column.data_type in {"text", "character varying"}
    return is_text and column.length is None


def test_states_are_listed_by_a_constraint(catalogue: Catalogue):
    states = catalogue.rows(
        """SELECT c.table_name, c.column_name FROM information_schema.columns c
            WHERE c.table_schema = 'public' AND c.column_name IN ('status', 'stage', 'state')
              AND c.data_type = 'character varying' AND c.table_name NOT LIKE 'known\\_%%'"""
    )
    checks = catalogue.rows(
        """SELECT t.relname, pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c JOIN pg_class t
             ON t.oid = c.conrelid WHERE c.contype = 'c'"""
    )
    free = [
        f"{row.table_name}.{row.column_name}"
        for row in states
        if not any(
            check.relname == row.table_name and row.column_name in check.definition for check in checks
        )
    ]
    assert free == []


@pytest.fixture(scope="session")
async def two(platform: Platform) -> list[Organisation]:
    """Two organisations with rows in many tables."""
    organisations = [await Organisation.founded(platform) for _ in range(2)]
    for each in organisations:
        await sent_invoice(each)
        await platform.carry(each.id)
    return organisations


@pytest.mark.parametrize("service", ORDER)
async def test_without_a_tenant_there_are_no_rows_and_with_one_only_its_own(
    service: str, two: list[Organisation], databases: Databases
):
    runtime = two[0].platform.stands[service].runtime
    seen = 0
    for table in Catalogue(databases, service).tenant_tables():
        counted = text(f"SELECT count(*) FROM {table} WHERE org_id <> :org_id")
        async with runtime.source.database.session(None, read_only=True) as session:
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table
        async with runtime.source.database.session(two[0].id, read_only=True) as session:
            assert await session.scalar(counted, {"org_id": two[0].id}) == 0, table
        async with runtime.system.session(None, read_only=True) as session:
            seen += bool(await session.scalar(counted, {"org_id": two[0].id}))
    assert seen >= 3, "the system role sees too few tables with rows for this to mean anything"


@pytest.mark.parametrize("service", ORDER)
async def test_rows_of_another_tenant_can_be_neither_written_nor_changed(
    service: str, two: list[Organisation]
):
    runtime = two[0].platform.stands[service].runtime
    forged = text(
        "INSERT INTO inbox (org_id, consumer, event_id, received_at) VALUES (:org_id, 'x', :id, now())"
    )
    async with runtime.source.database.session(two[0].id) as session:
        with pytest.raises(Exception, match="row-level security"):
            await session.execute(forged, {"org_id": two[1].id, "id": new_id()})
    async with runtime.source.database.session(two[0].id) as session:
        changed = await session.execute(
            text("UPDATE outbox SET attempts = 9 WHERE org_id <> :id RETURNING 1"), {"id": two[0].id}
        )
        assert changed.all() == []
        await session.rollback()


@pytest.mark.parametrize("service", ORDER)
@pytest.mark.parametrize("change", ["UPDATE {} SET org_id = org_id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_what_is_append_only_stays(service: str, change: str, two: list[Organisation]):
    runtime = two[0].platform.stands[service].runtime
    for table in sorted(APPEND_ONLY[service]):
        async with runtime.source.database.session(two[0].id) as session:
            with pytest.raises(Exception, match="permission denied"):
                await session.execute(text(change.format(table)))
