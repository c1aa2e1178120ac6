"""The three roles of a context and what each may do in its databases (design: data.md)."""

from collections.abc import Callable, Mapping, Sequence

import psycopg
from psycopg import sql

# Milliseconds; design: data.md "Timeouts per role". The owner migrates and backfills, so only its locks are short.
ROLE_TIMEOUTS: Mapping[str, Mapping[str, int]] = {
    "app": {
        "statement_timeout": 5_000,
        "lock_timeout": 2_000,
        "idle_in_transaction_session_timeout": 10_000,
        "transaction_timeout": 30_000,
    },
    "system": {
        "statement_timeout": 60_000,
        "lock_timeout": 2_000,
        "idle_in_transaction_session_timeout": 10_000,
        "transaction_timeout": 120_000,
    },
    "owner": {
        "statement_timeout": 900_000,
        "lock_timeout": 2_000,
        "idle_in_transaction_session_timeout": 60_000,
        "transaction_timeout": 1_800_000,
    },
}


# Only the owner creates objects; what it creates the other two may use. Migrations revoke where they must.
_GRANTS: Sequence[str] = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {app}, {system}",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "ALTER SCHEMA public OWNER TO {owner}",
    "GRANT USAGE ON SCHEMA public TO {app}, {system}",
    """ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
         GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}, {system}""",
    """ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
         GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {app}, {system}""",
)


def ensure_roles(connection: psycopg.Connection, context: str, password_of: Callable[[str], str]) -> None:
    """`<context>_app`, `_system` and `_owner` with their passwords and timeouts; repeatable."""
    for kind, timeouts in ROLE_TIMEOUTS.items():
        role = f"{context}_{kind}"
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        verb = sql.SQL("ALTER" if exists else "CREATE")
        bypass = sql.SQL("BYPASSRLS" if kind == "system" else "NOBYPASSRLS")
        rights = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION")
        names = (verb, sql.Identifier(role), rights, bypass, sql.Literal(password_of(role)))
        connection.execute(sql.SQL("{} ROLE {} {} {} PASSWORD {}").format(*names))
        for setting, milliseconds in timeouts.items():
            alter = sql.SQL("ALTER ROLE {} SET {} = {}")
            connection.execute(alter.format(sql.Identifier(role), sql.Identifier(setting), milliseconds))


def create_database(connection: psycopg.Connection, context: str, database: str) -> None:
    """The database, owned by the context's owner role, where it is missing."""
    exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
    if not exists:
        create = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(create.format(sql.Identifier(database), sql.Identifier(f"{context}_owner")))


def grant(connection: psycopg.Connection, context: str, database: str) -> None:
    """Rights in a database; `connection` is a superuser's, to that database."""
    names = {kind: sql.Identifier(f"{context}_{kind}") for kind in ROLE_TIMEOUTS}
    names["database"] = sql.Identifier(database)
    for statement in _GRANTS:
        connection.execute(sql.SQL(statement).format(**names))
