"""House-keeping of the chassis' own tables, a job in every service (design/data.md: clean-up)."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, text

from chassis.database import Database
from chassis.deleting import delete_some
from chassis.jobs import Jobs
from chassis.rows import idempotency, inbox, job_run, outbox
from chassis.runtime import Runtime

BATCH = 1000
KEPT: dict[Table, tuple[ColumnElement[datetime | None], timedelta]] = {
    outbox: (outbox.c.published_at, timedelta(days=14)),
    inbox: (inbox.c.received_at, timedelta(days=30)),
    idempotency: (idempotency.c.created_at, timedelta(hours=72)),
    job_run: (job_run.c.finished_at, timedelta(days=90)),
}
# Calls that succeeded are deleted at once; what failed is kept for a while, for people.
FAILED_CALLS = text(
    "DELETE FROM procrastinate.procrastinate_jobs AS job WHERE job.status IN ('failed', 'cancelled', 'aborted')"
    " AND NOT EXISTS (SELECT FROM procrastinate.procrastinate_events AS event"
    " WHERE event.job_id = job.id AND event.at > :before)"
)
FAILED_KEPT = timedelta(days=30)


def with_housekeeping(jobs: Jobs | None, context: str) -> Jobs:
    """A service's jobs and the house-keeping."""
    completed = jobs.copy() if jobs else Jobs(context)
    completed.periodic(
        "house-keeping",
        cron="17 * * * *",
        test_cron="*/10 * * * * *",
        description="Deletes what nobody can need any more: published facts, settled facts, stored answers, old runs.",
        scope="service",
    )(clean_up)
    return completed


async def clean_up(runtime: Runtime, _slot: datetime) -> None:
    """Delete in batches, each its own transaction, until nothing old is left."""
    now = runtime.source.clock()
    for table, (column, age) in KEPT.items():
        while await _delete(runtime.system, table, column < now - age) == BATCH:
            pass
    async with runtime.system.session(None) as session:
        await session.execute(FAILED_CALLS, {"before": now - FAILED_KEPT})
        await session.commit()


async def _delete(system: Database, table: Table, is_old: ColumnElement[bool]) -> int:
    async with system.session(None) as session:
        deleted = await delete_some(session, table, is_old, BATCH)
        await session.commit()
    return deleted
