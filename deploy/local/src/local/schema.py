"""Which databases are behind the migration files of this checkout, told without importing alembic."""

from collections.abc import Iterable
from pathlib import Path

import psycopg

from chassis.revisions import revisions
from local.postgres import Cluster


class SchemaRefused(Exception):
    """A database holds a schema that this release does not know; the message is one line."""


def behind(cluster: Cluster, repository: Path, contexts: Iterable[str]) -> list[str]:
    """The contexts whose database is not at its head revision; SchemaRefused for a newer schema."""
    return [context for context in contexts if _is_behind(cluster, repository, context)]


def _is_behind(cluster: Cluster, repository: Path, context: str) -> bool:
    known = revisions(repository / "services" / context / "migrations")
    current = _current(cluster, context)
    if current is not None and current not in known:
        raise SchemaRefused(
            f"database {context} is at revision {current}, which this release does not know: "
            "run the release that wrote it, or `make reset` to begin anew"
        )
    return current is None or current in known.values()


def _current(cluster: Cluster, context: str) -> str | None:
    with cluster.connect(context) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None
