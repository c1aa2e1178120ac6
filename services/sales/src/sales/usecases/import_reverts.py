"""Undoing what rows of a file have made and changed, from the last one back to the first."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from chassis.tx import Fact, Tx
from sales.domain.companies import Company
from sales.domain.finding import EntityType
from sales.domain.imports import DuplicatePolicy, Entity, Import, Verdict
from sales.published import company_archived
from sales.store import companies, import_lookups, imports, pipelines
from sales.usecases.deals import step_to
from sales.usecases.finding import index_rows
from sales.usecases.import_facts import rename_companies, tell
from sales.usecases.import_kinds import KINDS, PLACE, Kind
from sales.usecases.pipelines import Place

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
    known = await import_lookups.targets(tx, kind.row_type, [row.entity_id for row in rows], is_locked=True)
    made = [row.company_id for row in rows if row.company_id]
    their = await import_lookups.targets(tx, Company, made, is_locked=True)
    stages = await _stages(tx, rows)
    issues = [refusal or _issue(known.get(row.entity_id), row, stages) for row in rows]
    reverted = [row for row, issue in zip(rows, issues, strict=True) if issue is None]
    for command in (_archive, _undecide, _unmove, _unrevise):
        undone = ((command(tx, kind, known[row.entity_id], row), row.entity_id) for row in reverted)
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


async def _stages(tx: Tx, rows: Sequence[Any]) -> set[Place]:
    """Where there are stages, in the pipelines to which deals go back; each is held as it is."""
    ids = {place.pipeline_id for row in rows if (place := _place_before(row)) is not None}
    held = [await pipelines.hold(tx, tx.actor.org_id, each) for each in sorted(ids)]
    return {Place(pipeline.id, stage["key"]) for pipeline in held for stage in pipeline.stages}


def _issue(target: Any, row: Any, stages: set[Place]) -> str | None:
    """Why the row stays; None where it can be undone."""
    if target is None or target.version != row.entity_version:
        return "has been changed since"
    place = _place_before(row)
    return None if place is None or place in stages else "the stage where it was is gone"


def _place_before(row: Any) -> Place | None:
    """Where a deal that was moved has been; None also where code before pipelines had left it."""
    before = row.before or {}
    if before.get("pipeline_stage") is None:
        return None
    return Place(UUID(before["pipeline_id"]), before["pipeline_stage"])


def _archive(tx: Tx, kind: Kind, target: Any, row: Any) -> Telling | None:
    """What a row has made is put away."""
    if row.verdict != Verdict.CREATE:
        return None
    target.archive(tx.now)
    tx.record(target, "ARCHIVE")
    return kind.facts["ARCHIVE"]


def _undecide(tx: Tx, kind: Kind, target: Any, row: Any) -> Telling | None:
    """It is as open, or as decided, as it was."""
    before = row.before or {}
    if "stage" not in before:
        return None
    _give_back(target, before, kind.outcome)
    action = kind.decided[target.stage]
    tx.record(target, action)
    return kind.facts[action]


def _unmove(tx: Tx, _kind: Kind, target: Any, row: Any) -> Telling | None:
    """A deal is in the stage where it was, for as long as it had been there."""
    place = _place_before(row)
    if place is None:
        return None
    fact = step_to(tx, target, place)
    _give_back(target, row.before, PLACE)
    tx.record(target, "MOVE")
    return fact


def _unrevise(tx: Tx, kind: Kind, target: Any, row: Any) -> Telling | None:
    """Its fields have the values that they had."""
    before = row.before or {}
    _give_back(target, before, before.keys() - kind.outcome - PLACE)
    return kind.facts["UPDATE"] if tx.record(target, "UPDATE") else None


def _give_back(target: Any, before: Mapping[str, Any], names: Collection[str]) -> None:
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
