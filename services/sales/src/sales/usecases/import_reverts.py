"""Undoing what rows of a file have made and changed, from the last one back to the first."""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from chassis.tx import Fact, Tx
from sales.domain.companies import Company
from sales.domain.finding import EntityType
from sales.domain.imports import DuplicatePolicy, Entity, Import, Verdict
from sales.published import company_archived
from sales.store import companies, import_lookups, imports
from sales.usecases.deals import step_to
from sales.usecases.finding import index_rows
from sales.usecases.import_facts import rename_companies, tell
from sales.usecases.import_kinds import KINDS, PLACE, Kind
from sales.usecases.import_past import Before, Past, hold_past, place_before

Telling = Callable[[Any], Fact]


async def revert_rows(tx: Tx, run: Import, limit: int, refusal: str | None) -> bool:
    """Undo the last rows that are applied, unless somebody has changed them since; False when none is left.

    It is told by the commands that lead back, in the opposite order of those that came here.
    """
    rows = _apart(await imports.last_applied(tx, run, limit))
    if not rows:
        return False
    entity = Entity(run.entity)
    kind = KINDS[entity]
    past = await hold_past(tx, entity, [row.before or {} for row in rows])
    known = await import_lookups.targets(tx, kind.row_type, [row.entity_id for row in rows], is_locked=True)
    made = [row.company_id for row in rows if row.company_id]
    their = await import_lookups.targets(tx, Company, made, is_locked=True)
    issues = [refusal or _issue(known.get(row.entity_id), row, past) for row in rows]
    reverted = [row for row, issue in zip(rows, issues, strict=True) if issue is None]
    given = {row.number: past.left(row.before) for row in reverted if row.verdict != Verdict.CREATE}
    for command in (_archive, _undecide, _unmove, _unrevise):
        undone = (
            (command(tx, kind, known[row.entity_id], given.get(row.number)), row.entity_id)
            for row in reverted
        )
        await tell(tx, (), entity, [(fact, entity_id) for fact, entity_id in undone if fact is not None])
    gone = await _put_away(tx, list(their.values()))
    # Whatever else has changed is indexed at the end; what is put away is found no longer.
    await index_rows(tx, EntityType(entity), [row for row in known.values() if row.archived_at is not None])
    await index_rows(tx, EntityType.COMPANY, gone)
    for company in await companies.show_each(tx, run.org_id, [each.id for each in gone]):
        tx.publish(company_archived(company))
    versions = [
        {"id": row.entity_id, "number": row.number, "version": known[row.entity_id].version}
        for row in reverted
    ]
    if entity is Entity.COMPANY:
        await rename_companies(tx, [row.entity_id for row in reverted if "name" in (row.before or {})])
    settled = [
        {
            "number": row.number,
            "outcome": "kept" if issue else "reverted",
            "problems": [{"field": "row", "issues": [issue]}] if issue else None,
        }
        for row, issue in zip(rows, issues, strict=True)
    ]
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


def _issue(target: Any, row: Any, past: Past) -> str | None:
    """Why the row stays; None where it can be undone."""
    if target is None or target.version != row.entity_version:
        return "has been changed since"
    return past.issue(target, row.before or {})


def _archive(tx: Tx, kind: Kind, target: Any, before: Before | None) -> Telling | None:
    """What a row has made, and so was nothing before, is put away."""
    if before is not None:
        return None
    target.archive(tx.now)
    tx.record(target, "ARCHIVE")
    return kind.facts["ARCHIVE"]


def _undecide(tx: Tx, kind: Kind, target: Any, before: Before | None) -> Telling | None:
    """It is as open, or as decided, as it was."""
    if before is None or "stage" not in before:
        return None
    _give_back(target, before, kind.outcome)
    action = kind.decided[target.stage]
    tx.record(target, action)
    return kind.facts[action]


def _unmove(tx: Tx, _kind: Kind, target: Any, before: Before | None) -> Telling | None:
    """A deal is in the stage where it was, for as long as it had been there."""
    place = place_before(before or {})
    if before is None or place is None:
        return None
    fact = step_to(tx, target, place)
    _give_back(target, before, PLACE)
    tx.record(target, "MOVE")
    return fact


def _unrevise(tx: Tx, kind: Kind, target: Any, before: Before | None) -> Telling | None:
    """Its fields have the values that they had."""
    if before is None:
        return None
    _give_back(target, before, before.keys() - PLACE)
    return kind.facts["UPDATE"] if tx.record(target, "UPDATE") else None


def _give_back(target: Any, before: Before, names: Collection[str]) -> None:
    for each in inspect(type(target)).column_attrs:
        if each.key in names and each.key in before:
            setattr(target, each.key, _given_back(before[each.key], each.columns[0].type.python_type))


def _given_back(value: Any, kind: type) -> Any:
    if not isinstance(value, str):
        return value
    if issubclass(kind, datetime):
        return datetime.fromisoformat(value)
    if issubclass(kind, date):
        return date.fromisoformat(value)
    return UUID(value) if kind is UUID else value
