"""The revisions of a service's schema, read from its migration files without importing Alembic (11 MB) to serve."""

import re
from pathlib import Path

_REVISION = re.compile(r"^revision(?:\s*:[^=]+)?\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_DOWN = re.compile(r"^down_revision(?:\s*:[^=]+)?\s*=\s*(.+)$", re.MULTILINE)


class SchemaMismatch(Exception):
    """The database has another schema than this code."""


def revisions(migrations: Path) -> dict[str, str | None]:
    """Each revision in the folder's `versions` with the one before it."""
    found: dict[str, str | None] = {}
    for path in sorted((migrations / "versions").glob("*.py")):
        text = path.read_text()
        revision, down = _REVISION.search(text), _DOWN.search(text)
        if revision:
            before = down[1].split("#")[0].strip().strip("'\"") if down else "None"
            found[revision[1]] = None if before == "None" else before
    return found


def head_revision(migrations: Path) -> str:
    """The newest revision in the folder; SchemaMismatch unless there is exactly one head."""
    known = revisions(migrations)
    heads = known.keys() - set(known.values())
    if len(heads) != 1:
        raise SchemaMismatch(f"{len(heads)} newest revisions in {migrations}, one is needed")
    return heads.pop()
