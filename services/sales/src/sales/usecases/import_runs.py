"""Working through the rows of a file, batch by batch, each in one transaction with the progress.

The import's own row is locked first and says which rows are done, so that a batch that was under way when a process
died is done again from its beginning, and two processes that work on the same import never do a row twice.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from chassis.tx import Fact, Tx
from sales.domain.bulk import AT_A_TIME, LARGE
from sales.domain.deals import Deal
from sales.domain.imports import Entity, Import, ImportStatus, Verdict
from sales.jobs import INDEX_IMPORTED, JOBS
from sales.published import import_finished
from sales.store import import_lookups, imports
from sales.usecases.deals import step_to
from sales.usecases.import_facts import Told, rename_companies, tell
from sales.usecases.import_kinds import PLACE, Kind
from sales.usecases.import_plans import Plan, Shapes, make_plan
from sales.usecases.import_reverts import revert_rows
from sales.usecases.import_rows import Planned
from sales.usecases.pipelines import Place, place_in
from sales.usecases.tags import learn_names

BATCH = 500


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
    tx.is_bulk = run.total > LARGE
    if run.status == ImportStatus.REVERTING:
        return await revert_rows(tx, run, limit, refusal) or await _end(tx, run)
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
        await _finish(tx, run)


async def _end(tx: Tx, run: Import) -> bool:
    run.end()
    run.done = run.total
    tx.is_bulk = False  # whoever waits for the end of it is told at once
    await _finish(tx, run)
    return False


async def _finish(tx: Tx, run: Import) -> None:
    """Tell how it has ended; unless it was only checked, whatever it has done is found from now on."""
    tx.record(run, ImportStatus(run.status).name)
    if run.status != ImportStatus.CHECKED:
        tx.publish(import_finished(run))
        await JOBS.defer(tx, INDEX_IMPORTED)


async def _carry_out(tx: Tx, plan: Plan) -> None:
    """Write what was decided: rows, history and facts, as the single commands write them.

    Overtaken when a row that is there is no longer as it was when that was decided.
    """
    good = [row for row in plan.rows if row.verdict in {Verdict.CREATE, Verdict.UPDATE}]
    if plan.entity is Entity.DEAL:
        await _place(tx, [row.entity for row in good if row.target is None])
    await _spell(tx, [row.entity for row in good])
    await import_lookups.lock_as_seen(
        tx, plan.kind.row_type, {row.target.id: row.target for row in good if row.target is not None}
    )
    made = list({row.company.id: row.company for row in good if row.company is not None}.values())
    for company in made:
        tx.add(company)
        tx.record(company, "CREATE")
    await tx.flush()
    for row in good:
        if row.target is None:
            tx.add(row.entity)
    await tell(tx, made, plan.entity, await _written(good, partial(_create, tx, plan.kind)))
    known = [row for row in good if row.target is not None]
    for command in (_revise, _move, _decide):
        await tell(tx, (), plan.entity, await _written(known, partial(command, tx, plan.kind)))
    if plan.entity is Entity.COMPANY:
        await rename_companies(tx, [row.target.id for row in known if "name" in (row.before or {})])


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
    spelling = await learn_names(tx, list(dict.fromkeys(name for row in rows for name in row.tags or ())))
    for row in rows:
        if row.tags:
            row.tags = list(dict.fromkeys(spelling[name] for name in row.tags))


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
    apart = PLACE | _KEPT_BY_RECORD | (kind.outcome if row.action != "UPDATE" else frozenset())
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
