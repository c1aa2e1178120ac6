"""Undoing what rows of a file have made and changed, from the last one back to the first."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from chassis.tx import Tx
from sales.domain.companies import Company
from sales.domain.finding import EntityType
from sales.domain.imports import DuplicatePolicy, Entity, Import, Verdict
from sales.published import company_archived
from sales.store import companies, import_lookups, imports
from sales.usecases.finding import index_rows
from sales.usecases.import_facts import Told, rename_companies, tell
from sales.usecases.import_kinds import KINDS, Kind


async def revert_rows(tx: Tx, run: Import, limit: int, refusal: str | None) -> bool:
    """Undo the last rows that are applied, unless somebody has changed them since; False when none is left."""
    rows = _apart(await imports.last_applied(tx, run, limit))
    if not rows:
        return False
    entity = Entity(run.entity)
    kind = KINDS[entity]
    known = await import_lookups.targets(tx, kind.row_type, [row.entity_id for row in rows], is_locked=True)
    made = [row.company_id for row in rows if row.company_id]
    their = await import_lookups.targets(tx, Company, made, is_locked=True)
    told: list[Told] = []
    settled = []
    for row in rows:
        issue = refusal or _undo(tx, kind, known.get(row.entity_id), row, told)
        problems = [{"field": "row", "issues": [issue]}] if issue else None
        settled.append(
            {"number": row.number, "outcome": "kept" if issue else "reverted", "problems": problems}
        )
    await tell(tx, (), entity, told)
    gone = await _put_away(tx, list(their.values()))
    # Whatever else has changed is indexed at the end; what is put away is found no longer.
    await index_rows(tx, EntityType(entity), [row for row in known.values() if row.archived_at is not None])
    await index_rows(tx, EntityType.COMPANY, gone)
    for company in await companies.show_each(tx, run.org_id, [each.id for each in gone]):
        tx.publish(company_archived(company))
    reverted = [row for row, done in zip(rows, settled, strict=True) if done["outcome"] == "reverted"]
    versions = [
        {"id": row.entity_id, "number": row.number, "version": known[row.entity_id].version}
        for row in reverted
    ]
    if entity is Entity.COMPANY:
        await rename_companies(tx, [row.entity_id for row in reverted if "name" in (row.before or {})])
    # Only updates make several rows be about one thing.
    await imports.undo(tx, run, settled, versions if run.duplicate_policy == DuplicatePolicy.UPDATE else ())
    run.count({"reverted": len(reverted), "kept": len(rows) - len(reverted)}, len(rows), rows[-1].number)
    return True


async def _put_away(tx: Tx, made: Sequence[Company]) -> list[Company]:
    """Put away the companies that were made for rows, but those that somebody has changed or used since."""
    used = await import_lookups.in_use(tx, [company.id for company in made])
    gone = [company for company in made if company.version == 1 and company.id not in used]
    gone = [company for company in gone if company.archive(tx.now)]
    for company in gone:
        tx.record(company, "ARCHIVE")
    await tx.flush()
    return gone


def _apart(rows: Sequence[Any]) -> Sequence[Any]:
    """The first of these rows that are all about something else."""
    seen: set[UUID] = set()
    for place, row in enumerate(rows):
        if row.entity_id in seen:
            return rows[:place]
        seen.add(row.entity_id)
    return rows


def _undo(tx: Tx, kind: Kind, target: Any, row: Any, told: list[Told]) -> str | None:
    """Put away what a row has made, or give it back the values it had; why not, where that cannot be."""
    if target is None or target.version != row.entity_version:
        return "has been changed since"
    if row.verdict == Verdict.CREATE:
        action = "ARCHIVE"
        if not target.archive(tx.now):
            return None
    else:
        action = "UPDATE"
        for each in inspect(type(target)).column_attrs:
            if each.key in (row.before or {}):
                setattr(target, each.key, _given_back(row.before[each.key], each.columns[0].type.python_type))
    if tx.record(target, action):
        told.append((kind.facts[action], target.id))
    return None


def _given_back(value: Any, kind: type) -> Any:
    if not isinstance(value, str):
        return value
    if issubclass(kind, datetime):
        return datetime.fromisoformat(value)
    if issubclass(kind, date):
        return date.fromisoformat(value)
    return UUID(value) if kind is UUID else value
