"""Erasure: every row of an organisation leaves a service's tables, when the organisation itself is deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import MetaData, Table

from chassis import rows
from chassis.database import Database
from chassis.deleting import delete_some
from chassis.inbox import ERASED, accept_no_more
from chassis.jobs import Jobs, enqueue
from chassis.runtime import Runtime
from chassis.tx import Tx

ERASE = "erase-organisation"
BATCH = 1000
AGAIN_AFTER = timedelta(minutes=1)
"""What was under way when the end became known may have written after the first time."""


def with_erasure(jobs: Jobs, metadata: MetaData) -> Jobs:
    """A service's jobs and the one that erases an organisation."""
    completed = jobs.copy()
    completed.task(ERASE)(partial(_run, metadata=metadata))
    return completed


async def erase_later(tx: Tx) -> None:
    """Let the organisation in which the transaction acts be erased here, once it has committed, and stay so."""
    await accept_no_more(tx)
    await enqueue(tx, ERASE, {})
    await enqueue(tx, ERASE, {}, run_at=tx.now + AGAIN_AFTER)


async def erase(
    system: Database, metadata: MetaData, org_id: UUID, *, keep: Collection[str] = frozenset()
) -> None:
    """Delete an organisation's rows, children before parents, in batches; safe to repeat and to cut short.

    All that stays of it is the mark in the inbox that keeps late facts out.
    """
    for table in tenant_tables(metadata):
        if table.name not in keep:
            while await _delete(system, table, org_id):
                pass


def tenant_tables(metadata: MetaData) -> Sequence[Table]:
    """The tables of organisations' rows, the service's own and the chassis', children before parents."""
    own = [table for each in (metadata, rows.metadata) for table in reversed(each.sorted_tables)]
    return [table for table in own if "org_id" in table.c]


async def _run(runtime: Runtime, org_id: UUID, *, metadata: MetaData) -> None:
    await erase(runtime.system, metadata, org_id)


async def _delete(system: Database, table: Table, org_id: UUID) -> int:
    doomed = table.c.org_id == org_id
    if table is rows.inbox:
        doomed &= table.c.consumer != ERASED
    async with system.session(org_id) as session:
        deleted = await delete_some(session, table, doomed, BATCH)
        await session.commit()
    return deleted
