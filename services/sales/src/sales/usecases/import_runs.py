"""Working through the rows of a file, batch by batch, each in one transaction with the progress.

The import's own row is locked first and says which rows are done, so that a batch that was under way when a process
died is done again from its beginning, and two processes that work on the same import never do a row twice.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from chassis.tx import Tx
from sales.domain.companies import Company
from sales.domain.deals import Deal
from sales.domain.imports import DuplicatePolicy, Entity, Import, ImportStatus, Verdict
from sales.jobs import INDEX_IMPORTED, JOBS
from sales.published import company_archived, company_created, import_finished
from sales.store import companies, import_lookups, imports
from sales.usecases.import_kinds import KINDS
from sales.usecases.import_plans import AT_A_TIME, Plan, Shapes, make_plan
from sales.usecases.import_rows import Planned
from sales.usecases.pipelines import place_in
from sales.usecases.tags import keep_names

BATCH = 500
TOLD_BY = {
    ImportStatus.CHECKED: "CHECKED",
    ImportStatus.APPLIED: "APPLIED",
    ImportStatus.REVERTED: "REVERTED",
}


async def work_on(
    tx: Tx,
    import_id: UUID,
    shapes: Mapping[Entity, Shapes],
    *,
    limit: int = BATCH,
    refusal: str | None = None,
) -> bool:
    """Do the next rows, at most `limit`; False when none is left or the import is not under way.

    `refusal` is what the database had to say against the next row, which is then left alone.
    """
    run = await imports.lock(tx, import_id)
    if not run.is_running:
        return False
    if run.status == ImportStatus.REVERTING:
        return await _revert(tx, run, limit, refusal)
    given = await imports.next_rows(tx, run, limit)
    if not given:
        return await _end(tx, run)
    plan = await make_plan(tx, run, given, shapes[Entity(run.entity)], tx.actor)
    if refusal is not None:
        plan.rows[0].refuse("row", refusal)
        plan.rows[0].conclude(Verdict.INVALID)
    is_applied = run.status == ImportStatus.APPLYING
    if is_applied:
        await _carry_out(tx, plan)
    await imports.settle(tx, run, [row.settled(plan.entity, is_applied=is_applied) for row in plan.rows])
    counted = Counter(str(row.verdict) for row in plan.rows)
    counted["valid"] = len(plan.rows) - counted[Verdict.INVALID]
    run.count(counted, len(plan.rows), plan.rows[-1].number)
    return True


async def fail(tx: Tx, import_id: UUID, error: str) -> None:
    """The import cannot go on, for this reason."""
    run = await imports.lock(tx, import_id)
    if run.is_running:
        run.fail(error)
        tx.record(run, "FAILED")
        tx.publish(import_finished(run))


async def _end(tx: Tx, run: Import) -> bool:
    run.end()
    run.done = run.total
    tx.record(run, TOLD_BY[ImportStatus(run.status)])
    if run.status != ImportStatus.CHECKED:
        tx.publish(import_finished(run))
        await JOBS.defer(tx, INDEX_IMPORTED)
    return False


async def _carry_out(tx: Tx, plan: Plan) -> None:
    """Write what was decided: rows, history and facts, as the single commands write them."""
    good = [row for row in plan.rows if row.verdict in {Verdict.CREATE, Verdict.UPDATE}]
    if plan.entity is Entity.DEAL:
        await _place(tx, [row.entity for row in good if row.target is None])
    await _spell(tx, [row.entity for row in good])
    made = list({row.company.id: row.company for row in good if row.company is not None}.values())
    for company in made:
        tx.add(company)
        tx.record(company, "CREATE")
    await tx.flush()
    for row in good:
        if row.target is None:
            tx.add(row.entity)
    told: list[tuple[str, Any]] = []
    for place, row in enumerate(good):
        if _record(tx, row):
            told.append((row.action, row.target or row.entity))
        if place % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
    await tx.flush()
    await _tell(tx, made, plan.entity, told)


async def _place(tx: Tx, new: Sequence[Deal]) -> None:
    """New deals begin where those of the single command do."""
    if new:
        place = await place_in(tx, None, None)
        for deal in new:
            deal.place(place.pipeline_id, place.stage, tx.now)


async def _spell(tx: Tx, rows: Sequence[Any]) -> None:
    """Tags are written as the dictionary writes them; it learns what it has not."""
    names = {name.lower(): name for row in rows for name in row.tags or ()}
    spelt = {name.lower(): name for name in await keep_names(tx, list(names.values()))}
    for row in rows:
        if row.tags:
            row.tags = [spelt[name.lower()] for name in row.tags]


def _record(tx: Tx, row: Planned) -> bool:
    """Note a new row, or change one that is there; whether anything did."""
    if row.target is None:
        tx.record(row.entity, "CREATE")
        row.version = row.entity.version
        row.action = "CREATE"
        return True
    row.before = _overwrite(row.target, row.entity)
    is_changed = tx.record(row.target, row.action)
    if is_changed and hasattr(row.target, "last_activity_at"):
        row.target.last_activity_at = tx.now
    row.version = row.target.version
    return is_changed


def _overwrite(target: Any, wanted: Any) -> dict[str, Any]:
    """Make a row what it is to become; what it was, where that is something else."""
    before: dict[str, Any] = {}
    for each in inspect(type(target)).column_attrs:
        old, new = getattr(target, each.key), getattr(wanted, each.key)
        if old != new:
            before[each.key] = old
            setattr(target, each.key, new)
    return before


async def _tell(tx: Tx, made: Sequence[Company], entity: Entity, told: Sequence[tuple[str, Any]]) -> None:
    """The facts of what has happened, from the rows as they are now."""
    if made:
        shown = await companies.show_each(tx, tx.actor.org_id, [company.id for company in made])
        for company in shown:
            tx.publish(company_created(company))
    if told:
        kind = KINDS[entity]
        rows = {row.id: row for row in await kind.show_each(tx, [subject.id for _, subject in told])}
        for action, subject in told:
            tx.publish(kind.facts[action](rows[subject.id]))


async def _revert(tx: Tx, run: Import, limit: int, refusal: str | None) -> bool:
    """Undo the last rows that are applied, unless somebody has changed them since."""
    rows = _apart(await imports.last_applied(tx, run, limit))
    if not rows:
        return await _end(tx, run)
    entity = Entity(run.entity)
    kind = KINDS[entity]
    known = await import_lookups.targets(tx, kind.row_type, [row.entity_id for row in rows], is_locked=True)
    made = [row.company_id for row in rows if row.company_id]
    their = await import_lookups.targets(tx, Company, made, is_locked=True)
    told: list[tuple[str, Any]] = []
    settled = []
    for row in rows:
        issue = refusal or _undo(tx, known.get(row.entity_id), row, told)
        problems = [{"field": "row", "issues": [issue]}] if issue else None
        settled.append(
            {"number": row.number, "outcome": "kept" if issue else "reverted", "problems": problems}
        )
    gone = [company for company in their.values() if company.version == 1 and company.archive(tx.now)]
    for company in gone:
        tx.record(company, "ARCHIVE")
    await tx.flush()
    await _tell(tx, (), entity, told)
    for company in await companies.show_each(tx, run.org_id, [each.id for each in gone]):
        tx.publish(company_archived(company))
    reverted = [row for row, done in zip(rows, settled, strict=True) if done["outcome"] == "reverted"]
    versions = [
        {"id": row.entity_id, "number": row.number, "version": known[row.entity_id].version}
        for row in reverted
    ]
    # Only updates make several rows be about one thing.
    await imports.undo(tx, run, settled, versions if run.duplicate_policy == DuplicatePolicy.UPDATE else ())
    run.count({"reverted": len(reverted), "kept": len(rows) - len(reverted)}, len(rows), rows[-1].number)
    return True


def _apart(rows: Sequence[Any]) -> Sequence[Any]:
    """The first of these rows that are all about something else."""
    seen: set[UUID] = set()
    for place, row in enumerate(rows):
        if row.entity_id in seen:
            return rows[:place]
        seen.add(row.entity_id)
    return rows


def _undo(tx: Tx, target: Any, row: Any, told: list[tuple[str, Any]]) -> str | None:
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
        told.append((action, target))
    return None


def _given_back(value: Any, kind: type) -> Any:
    if not isinstance(value, str):
        return value
    if issubclass(kind, datetime):
        return datetime.fromisoformat(value)
    if issubclass(kind, date):
        return date.fromisoformat(value)
    return UUID(value) if kind is UUID else value
