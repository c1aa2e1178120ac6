"""Working through the rows of a file, batch by batch, each in one transaction with the progress.

The import's own row is locked first and says which rows are done, so that a batch that was under way when a process
died is done again from its beginning, and two processes that work on the same import never do a row twice.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from chassis.tx import Fact, Tx
from sales.domain.companies import Company
from sales.domain.deals import Deal
from sales.domain.finding import EntityType
from sales.domain.imports import DuplicatePolicy, Entity, Import, ImportStatus, Verdict
from sales.jobs import INDEX_IMPORTED, JOBS
from sales.published import company_archived, company_created, import_finished
from sales.store import companies, import_lookups, imports
from sales.usecases.deals import step_to
from sales.usecases.finding import index_rows, rename_company
from sales.usecases.import_kinds import KINDS, PLACE, Kind
from sales.usecases.import_plans import AT_A_TIME, Plan, Shapes, make_plan
from sales.usecases.import_rows import Planned
from sales.usecases.pipelines import Place, place_in
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
    await _tell(tx, made, plan.entity, await _written(good, partial(_create, tx, plan.kind)))
    known = [row for row in good if row.target is not None]
    for command in (_revise, _move, _decide):
        await _tell(tx, (), plan.entity, await _written(known, partial(command, tx, plan.kind)))
    if plan.entity is Entity.COMPANY:
        await _rename(tx, [row.target.id for row in known if "name" in (row.before or {})])


Told = tuple[Callable[[Any], Fact], UUID]
"""What tells of something, and of which row."""


async def _written(
    rows: Sequence[Planned], command: Callable[[Planned], Callable[[Any], Fact] | None]
) -> list[Told]:
    """Do something to each of the rows; what tells of those that are another one by it."""
    told: list[Told] = []
    for place, row in enumerate(rows):
        fact = command(row)
        if fact is not None:
            told.append((fact, row.subject.id))
        if place % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
    return told


async def _place(tx: Tx, new: Sequence[Deal]) -> None:
    """New deals begin where those of the single command do."""
    for stage in {deal.pipeline_stage for deal in new}:
        place = await place_in(tx, None, stage)
        for deal in new:
            if deal.pipeline_stage == stage:
                deal.place(place.pipeline_id, place.stage, tx.now)


async def _spell(tx: Tx, rows: Sequence[Any]) -> None:
    """Tags are written as the dictionary writes them; it learns what it has not."""
    names = {name.lower(): name for row in rows for name in row.tags or ()}
    spelt = {name.lower(): name for name in await keep_names(tx, list(names.values()))}
    for row in rows:
        if row.tags:
            row.tags = [spelt[name.lower()] for name in row.tags]


def _create(tx: Tx, kind: Kind, row: Planned) -> Callable[[Any], Fact] | None:
    if row.target is not None:
        return None
    tx.record(row.entity, "CREATE")
    row.version = row.entity.version
    return kind.facts["CREATE"]


def _revise(tx: Tx, kind: Kind, row: Planned) -> Callable[[Any], Fact] | None:
    """Its fields are what the file says."""
    row.before = {}
    row.version = row.target.version
    apart = kind.outcome | PLACE | _KEPT_BY_RECORD
    names = [each.key for each in inspect(kind.row_type).column_attrs if each.key not in apart]
    return _overwritten(tx, kind, row, "UPDATE", names)


def _move(tx: Tx, _kind: Kind, row: Planned) -> Callable[[Any], Fact] | None:
    """A deal is in the stage of its pipeline that the file says."""
    if not isinstance(row.target, Deal):
        return None
    place = Place(row.entity.pipeline_id, row.entity.pipeline_stage)
    if place == (row.target.pipeline_id, row.target.pipeline_stage):
        return None
    _remember(row, PLACE)
    fact = step_to(tx, row.target, place)
    _recorded(tx, row, "MOVE")
    return fact


def _decide(tx: Tx, kind: Kind, row: Planned) -> Callable[[Any], Fact] | None:
    """It is decided, or open again."""
    return None if row.action == "UPDATE" else _overwritten(tx, kind, row, row.action, kind.outcome)


_KEPT_BY_RECORD = frozenset({"version", "updated_at", "last_activity_at"})


def _overwritten(
    tx: Tx, kind: Kind, row: Planned, action: str, names: Iterable[str]
) -> Callable[[Any], Fact] | None:
    changed = [name for name in names if getattr(row.target, name) != getattr(row.entity, name)]
    _remember(row, changed)
    for name in changed:
        setattr(row.target, name, getattr(row.entity, name))
    return kind.facts[action] if _recorded(tx, row, action) else None


def _remember(row: Planned, names: Iterable[str]) -> None:
    """What reverting gives back."""
    row.before = {name: getattr(row.target, name) for name in names} | (row.before or {})


def _recorded(tx: Tx, row: Planned, action: str) -> bool:
    is_changed = tx.record(row.target, action)
    if is_changed and hasattr(row.target, "last_activity_at"):
        row.target.last_activity_at = tx.now
    row.version = row.target.version
    return is_changed


async def _tell(tx: Tx, made: Sequence[Company], entity: Entity, told: Sequence[Told]) -> None:
    """Write, and tell what has happened, from the rows as they are now."""
    await tx.flush()
    if made:
        shown = await companies.show_each(tx, tx.actor.org_id, [company.id for company in made])
        for company in shown:
            tx.publish(company_created(company))
    if told:
        rows = {row.id: row for row in await KINDS[entity].show_each(tx, [row_id for _, row_id in told])}
        for fact, row_id in told:
            tx.publish(fact(rows[row_id]))


async def _rename(tx: Tx, company_ids: list[UUID]) -> None:
    """What belongs to companies is found by their new names."""
    for company in await companies.show_each(tx, tx.actor.org_id, company_ids) if company_ids else ():
        await rename_company(tx, company)


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
    told: list[Told] = []
    settled = []
    for row in rows:
        issue = refusal or _undo(tx, kind, known.get(row.entity_id), row, told)
        problems = [{"field": "row", "issues": [issue]}] if issue else None
        settled.append(
            {"number": row.number, "outcome": "kept" if issue else "reverted", "problems": problems}
        )
    await _tell(tx, (), entity, told)
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
        await _rename(tx, [row.entity_id for row in reverted if "name" in (row.before or {})])
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
