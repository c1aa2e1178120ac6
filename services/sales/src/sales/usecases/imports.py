"""What can be done with imports: taking a file in, saying what its columns mean, starting what is long."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from chassis.auth import Actor, ActorKind
from chassis.tx import Tx
from sales.domain.import_fields import FIELDS, MATCHED_BY, check_mapping, suggest
from sales.domain.imports import NO_COUNTS, DuplicatePolicy, Entity, Import, ImportStatus
from sales.domain.permissions import Permission
from sales.domain.rows import newborn
from sales.jobs import JOBS, WORK_ON_IMPORT
from sales.store import imports


class Table(Protocol):
    """The rows of a file, as they are read."""

    format: str
    columns: Sequence[str]

    def batches(self) -> AsyncIterator[list[bytes]]:
        """The rows, each the JSON of an array that begins with its number."""


def entities_of(actor: Actor) -> list[Entity]:
    """Whose imports the actor may see and run."""
    return [entity for entity in Entity if actor.may(entity.permission)]


async def begin_import(tx: Tx, entity: Entity, file_name: str, table: Table) -> Any:
    """A file is here, with all its rows; nothing of it when it turns out to be none."""
    tx.actor.must(entity.permission)
    run = Import(
        **newborn(tx.actor.org_id, tx.now),
        entity=entity.value,
        status=ImportStatus.UPLOADED.value,
        file_name=file_name,
        format=table.format,
        columns=list(table.columns),
        suggested_mapping=suggest(entity, table.columns),
        counters=dict(NO_COUNTS),
        starter=_starter(tx),
    )
    tx.add(run)
    tx.record(run, "CREATE")
    await tx.flush()
    async for lines in table.batches():
        await imports.add_rows(tx, run.id, lines)
        run.total += len(lines)
    await tx.flush()
    return await imports.show(tx, run.org_id, run.id, entities=[entity])


async def map_import(
    tx: Tx,
    import_id: UUID,
    mapping: Mapping[str, str],
    policy: DuplicatePolicy,
    match_by: Sequence[str] | None,
) -> Any:
    """Which field each column is, and what is to become of rows that are there already."""
    run = await _expected(tx, import_id)
    entity = Entity(run.entity)
    named = [name for name in MATCHED_BY[entity] if name in mapping] if match_by is None else list(match_by)
    check_mapping(entity, run.columns, mapping, named)
    run.map(dict(mapping), policy, named)
    tx.record(run, "MAP")
    return await imports.show(tx, run.org_id, run.id, entities=[entity])


async def start(tx: Tx, import_id: UUID, phase: ImportStatus) -> Any:
    """Check, apply or revert every row, later; IllegalTransition when it is not the time for it."""
    run = await _expected(tx, import_id)
    run.start(phase, _starter(tx), tx.now)
    tx.record(run, _STARTED[phase])
    await JOBS.defer(tx, WORK_ON_IMPORT, import_id=str(run.id))
    return await imports.show(tx, run.org_id, run.id, entities=[Entity(run.entity)])


_STARTED = {
    ImportStatus.CHECKING: "DRY_RUN",
    ImportStatus.APPLYING: "APPLY",
    ImportStatus.REVERTING: "REVERT",
}


async def forget_rows(tx: Tx, import_id: UUID, limit: int) -> bool:
    """Delete rows of an import whose time is over, at most `limit`; False when none is left.

    The import is expired before its first row is gone, so that nobody reverts what is left of it.
    """
    run = await imports.lock(tx, import_id)
    if not run.expire(tx.now):
        return False
    tx.record(run, "UPDATE")
    return await imports.delete_rows(tx, import_id, limit) == limit


async def _expected(tx: Tx, import_id: UUID) -> Import:
    run = await imports.lock(tx, import_id, entities=entities_of(tx.actor))
    tx.expect(run)
    return run


def _starter(tx: Tx) -> dict[str, Any]:
    """Whoever starts something: the rows are their doing, and no more than they may."""
    may = [each.value for each in (Permission.COMPANIES_WRITE,) if tx.actor.may(each)]
    return {**tx.actor.snapshot(), "may": may, "requestId": tx.work.request_id}


def actor_of(org_id: UUID, starter: Mapping[str, Any]) -> Actor:
    """The actor on whose behalf rows are worked on."""
    actor_id = UUID(starter["id"]) if starter["id"] else None
    scope = frozenset(starter["may"])
    return Actor(ActorKind(starter["kind"]), actor_id, org_id, starter["name"], starter["email"], scope=scope)


def fields_of(entity: Entity) -> list[str]:
    """What columns can be mapped to, beside the fields of the organisation's own."""
    return list(FIELDS[entity])
