"""Migrations: the tenant rules as DDL, one lock, and what `migrate` and `serve` need to know (design/data.md)."""

import time
from pathlib import Path

import structlog
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine, pool, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from chassis import rows
from chassis.revisions import head_revision

log = structlog.get_logger()

LOCK_TIMEOUT = "2s"
ATTEMPTS = 10
JOB_SCHEMA = "procrastinate"
# The tables without `org_id`, which every role of the service may see whole; a catalogue test holds the list.
TENANTLESS = frozenset({"alembic_version"}) | frozenset(
    f"{JOB_SCHEMA}.procrastinate_{name}" for name in ("events", "jobs", "periodic_defers", "workers")
)
TENANT = "NULLIF(current_setting('app.org_id', true), '')::uuid"


def configuration(migrations: Path, url: str | None = None) -> Config:
    """Alembic's configuration for a service's migrations folder."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def upgrade(migrations: Path, url: str) -> str:
    """Bring the database to the head revision, retrying while others hold locks; returns the revision."""
    config = configuration(migrations, url)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            command.upgrade(config, "head")
            break
        except OperationalError as error:
            if attempt == ATTEMPTS:
                raise
            log.warning("migrate.retry", attempt=attempt, error=repr(error.orig))
            time.sleep(attempt / 4)
    return head_revision(migrations)


def run_environment(metadata: MetaData) -> None:
    """Body of a service's `env.py`: all pending revisions in one transaction under one lock."""
    engine = create_engine(
        make_url(context.config.attributes["url"]).set(drivername="postgresql+psycopg"),
        poolclass=pool.NullPool,
    )
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=[metadata, rows.metadata],
            compare_server_default=True,
        )
        with context.begin_transaction():
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('execos.migrate'))"))
            context.run_migrations()
    engine.dispose()


def create_chassis_tables() -> None:
    """First revision: the chassis' own tables, isolated and granted."""
    for table in (rows.outbox, rows.inbox, rows.parked_event, rows.idempotency, rows.activity, rows.job_run):
        table.create(op.get_bind())
        isolate(table.name, is_append_only=table is rows.activity)
    create_job_queue()


def create_job_queue() -> None:
    """Procrastinate's tables in a schema of their own; every organisation has calls in them: only ids belong there."""
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - heavy, and only this revision needs it

    connection = op.get_bind()
    service = service_of(connection)
    op.execute(f"CREATE SCHEMA {JOB_SCHEMA}")
    op.execute(f"SET LOCAL search_path TO {JOB_SCHEMA}")
    connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    op.execute("SET LOCAL search_path TO public")
    for rights in (
        "USAGE ON SCHEMA",
        "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA",
        "USAGE, SELECT ON ALL SEQUENCES IN SCHEMA",
        "EXECUTE ON ALL FUNCTIONS IN SCHEMA",
    ):
        op.execute(f"GRANT {rights} {JOB_SCHEMA} TO {service}_app, {service}_system")


def add_bulk_lane() -> None:
    """What lets the facts of something large wait, for databases whose first revision did not have it yet.

    The indexes are made beside the work of others; what an attempt that broke off has left is made anew.
    """
    op.execute("ALTER TABLE outbox ADD COLUMN IF NOT EXISTS is_bulk boolean NOT NULL DEFAULT false")
    with op.get_context().autocommit_block():
        for name, column, lane in (
            ("ix_outbox_prompt", "id", "NOT is_bulk"),
            ("ix_outbox_bulk", "aggregate_id", "is_bulk"),
        ):
            op.drop_index(name, postgresql_concurrently=True, if_exists=True)
            op.create_index(
                name,
                "outbox",
                [column],
                postgresql_where=text(f"{rows.PENDING} AND {lane}"),
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def isolate(table: str, *, is_append_only: bool = False) -> None:
    """Row level security by organisation, forced on the owner too, and the rights of the two roles."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING (org_id = {TENANT}) WITH CHECK (org_id = {TENANT})")
    grant(table, "SELECT, INSERT" if is_append_only else "SELECT, INSERT, UPDATE, DELETE")


def reserve(table: str) -> None:
    """A table without a tenant: the application role has no right to it at all."""
    service = service_of(op.get_bind())
    op.execute(f"REVOKE ALL ON {table} FROM {service}_app")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {service}_system")


def grant(table: str, rights: str) -> None:
    """Exactly these rights for the application role; the system role reads and cleans up."""
    service = service_of(op.get_bind())
    op.execute(f"REVOKE ALL ON {table} FROM {service}_app, {service}_system")
    op.execute(f"GRANT {rights} ON {table} TO {service}_app")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {service}_system")


def service_of(connection: Connection) -> str:
    """The service that the database belongs to: the owner's name without its suffix."""
    owner = connection.scalar(text("SELECT current_user"))
    return str(owner).removesuffix("_owner")
