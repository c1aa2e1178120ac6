"""Erasure: every row of an organisation leaves a service's tables, when the organisation itself is deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData, Table, delete, select, tuple_

from chassis import rows
from chassis.database import Database
from chassis.jobs import Jobs, enqueue
from chassis.runtime import Runtime
from chassis.tx import Tx

ERASE = "erase-organisation"
BATCH = 1000


def with_erasure(jobs: Jobs, metadata: MetaData) -> Jobs:
    """A service's jobs and the one that erases an organisation."""
    completed = jobs.copy()
    completed.task(ERASE)(partial(_run, metadata=metadata))
    return completed


async def erase_later(tx: Tx) -> None:
    """Let the organisation in which the transaction acts be erased here, once it has committed."""
    await enqueue(tx, ERASE, {})


async def erase(
    system: Database, metadata: MetaData, org_id: UUID, *, keep: Collection[str] = frozenset()
) -> None:
    """Delete an organisation's rows, children before parents, in batches; safe to repeat and to cut short."""
    for table in tenant_tables(metadata):
        if table.name not in keep:
            while await _delete(system, table, org_id) == BATCH:
                pass


def tenant_tables(metadata: MetaData) -> Sequence[Table]:
    """The tables of organisations' rows, the service's own and the chassis', children before parents."""
    own = [table for each in (metadata, rows.metadata) for table in reversed(each.sorted_tables)]
    return [table for table in own if "org_id" in table.c]


async def _run(runtime: Runtime, org_id: UUID, *, metadata: MetaData) -> None:
    await erase(runtime.system, metadata, org_id)


async def _delete(system: Database, table: Table, org_id: UUID) -> int:
    key: Any = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(table.c.org_id == org_id).limit(BATCH)
    async with system.session(org_id) as session:
        result = await session.execute(delete(table).where(key.in_(some)))
        await session.commit()
    return int(result.rowcount)  # type: ignore[attr-defined]
