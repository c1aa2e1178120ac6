"""The worker: runs what is due and what was deferred, from procrastinate's queue in the service's own database.

Periodic jobs are deferred by whichever process is first at a slot; the queue refuses the second (leader-safe).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis import job_runs
from chassis.auth import system_actor
from chassis.context import Work, begin_work, new_request_id
from chassis.database import Database, Driver
from chassis.jobs import (
    TEST_RETRY_SECONDS,
    Jobs,
    Periodic,
    Profile,
    Task,
    reason_of,
    retry_delay,
    run_task_name,
)
from chassis.metrics import job_runs as runs_metric
from chassis.runtime import Runtime

log = structlog.get_logger()

CONCURRENCY = 4
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 2.0
STALLED_SECONDS = 8.0
STOP_SECONDS = 15.0
PAUSE_SECONDS = 1.0
# A slot missed while the machine was off is made up for, however late it comes up in the morning.
CATCH_UP_SECONDS = 24 * 60 * 60
NEVER_SECONDS = 24 * 60 * 60


async def run(runtime: Runtime, jobs: Jobs, profile: Profile) -> None:
    """Work until cancelled; a database that is away only pauses."""
    _say_failures_once()
    app = build(runtime, jobs, profile)
    async with app.open_async(pool=_Pool(runtime.system)):
        while True:
            rescue = asyncio.create_task(_rescue(app))
            try:
                await _until_drained(app.run_worker_async(queues=sorted(app.tasks)))
                log.warning("jobs.interrupted")  # one of the worker's own loops has failed, and it said why
            except ConnectorException as error:
                log.warning("jobs.paused", error=repr(error.__cause__))
            finally:
                rescue.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await rescue
            await asyncio.sleep(PAUSE_SECONDS)


async def _until_drained(working: Coroutine[Any, Any, None]) -> None:
    """Run the worker; cancelled, it lets its running jobs end, however often it is cancelled."""
    worker = asyncio.create_task(working)
    try:
        await asyncio.shield(worker)
    except asyncio.CancelledError:
        worker.cancel()
        while not worker.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([worker])
        raise


def build(runtime: Runtime, jobs: Jobs, profile: Profile) -> App:
    """Procrastinate's application with a service's jobs."""
    app = App(
        connector=PsycopgConnector(),
        periodic_defaults={"max_delay": CATCH_UP_SECONDS},
        worker_defaults={
            "name": runtime.source.context,
            "concurrency": CONCURRENCY,
            "fetch_job_polling_interval": POLL_SECONDS,
            "abort_job_polling_interval": NEVER_SECONDS,
            "listen_notify": False,  # it would cost a connection
            "delete_jobs": "successful",
            "install_signal_handlers": False,
            "shutdown_graceful_timeout": STOP_SECONDS,
            "update_heartbeat_interval": HEARTBEAT_SECONDS,
            "stalled_worker_timeout": STALLED_SECONDS,
        },
    )
    for job in jobs.periodics.values():
        _add_periodic(app, runtime, jobs, job, profile)
    for task in jobs.tasks.values():
        _add_task(app, runtime, task, profile)
    return app


class _Pool:
    """The engine's pool as procrastinate wants one, so that a service has one pool for a role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Driver]:
        try:
            opened = await self._database.engine.connect()
        except (DBAPIError, PoolTimeout) as error:
            # In the driver's words, which procrastinate takes for a pause; anything else would end its worker.
            raise psycopg.OperationalError(str(error.__cause__ or error).strip()) from error
        driver: Any = (await opened.get_raw_connection()).driver_connection
        try:
            yield driver
        finally:
            if driver.closed:
                await opened.invalidate()
            await opened.close()


class _Retry(BaseRetryStrategy):
    """Our own decision about the next attempt, as procrastinate asks for it."""

    def __init__(self, delays: Sequence[float]) -> None:
        self.delays = delays

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        delay = retry_delay(exception, job.attempts, self.delays)
        return None if delay is None else RetryDecision(retry_at=datetime.now(UTC) + delay)


def _add_periodic(app: App, runtime: Runtime, jobs: Jobs, job: Periodic, profile: Profile) -> None:
    delays = TEST_RETRY_SECONDS if profile == "test" else job.retry_seconds

    async def at_slot(context: JobContext, timestamp: int) -> None:
        slot = datetime.fromtimestamp(timestamp, UTC)
        begin_work(Work(new_request_id()))
        async with _reported(job.name, context, delays):
            if job.scope == "service":
                await job.run(runtime, slot)
            else:
                await fan_out(runtime, jobs, job, slot)

    async def for_organisation(context: JobContext, org_id: str, run_id: str, slot: str) -> None:
        attempts = context.job.attempts
        await run_for_organisation(
            runtime, job, (UUID(org_id), UUID(run_id)), slot, attempts=attempts, delays=delays
        )

    task = _register(app, job.name, delays, at_slot)
    app.periodic(cron=job_runs.seconds_last(job.schedule(profile)))(task)
    if job.scope == "organisation":
        _register(app, run_task_name(job.name), delays, for_organisation)


def _add_task(app: App, runtime: Runtime, task: Task, profile: Profile) -> None:
    delays = task.test_retry_seconds if profile == "test" else task.retry_seconds

    async def call(context: JobContext, org_id: str, **arguments: Any) -> None:
        begin_work(Work(new_request_id(), org_id=UUID(org_id)))
        async with _reported(task.name, context, delays):
            await task.run(runtime, UUID(org_id), **arguments)

    _register(app, task.name, delays, call)


def _register(app: App, name: str, delays: Sequence[float], work: Callable[..., Awaitable[None]]) -> Any:
    # Each task has a queue of its own name: a process of the release before leaves alone what it does not know.
    return app.task(name=name, queue=name, retry=_Retry(delays), pass_context=True)(work)


async def fan_out(runtime: Runtime, jobs: Jobs, job: Periodic, slot: datetime) -> None:
    """Queue one run for every organisation; those that have one for this slot keep it."""
    assert jobs.organisations is not None  # noqa: S101 - the registry refuses such a job
    for org_id in await jobs.organisations(runtime):
        async with runtime.source.tx(system_actor(org_id)) as tx:
            await job_runs.queue(tx, job, slot)


async def run_for_organisation(
    runtime: Runtime,
    job: Periodic,
    run: tuple[UUID, UUID],
    slot: str,
    *,
    attempts: int,
    delays: Sequence[float],
) -> None:
    """One run of a job for one organisation (`run` is its id and the run's), with its row kept up to date."""
    org_id, clock = run[0], runtime.source.clock
    begin_work(Work(new_request_id(), org_id=org_id))
    await job_runs.mark(
        runtime, *run, status="running", started_at=clock(), attempts=attempts + 1, error=None
    )
    try:
        await job.run(runtime, org_id, datetime.fromisoformat(slot))
    except Exception as error:
        is_final = retry_delay(error, attempts, delays) is None
        _report_failure(job.name, error, is_final=is_final)
        reason = reason_of(error)[: job_runs.MAX_ERROR_LENGTH]
        if is_final:
            await job_runs.mark(runtime, *run, status="failed", finished_at=clock(), error=reason)
        else:
            await job_runs.mark(runtime, *run, status="queued", error=reason)
        raise
    await job_runs.mark(runtime, *run, status="succeeded", finished_at=clock())
    runs_metric.labels(job.name, "succeeded").inc()


@asynccontextmanager
async def _reported(name: str, context: JobContext, delays: Sequence[float]) -> AsyncIterator[None]:
    try:
        yield
    except Exception as error:
        _report_failure(name, error, is_final=retry_delay(error, context.job.attempts, delays) is None)
        raise
    runs_metric.labels(name, "succeeded").inc()


def _report_failure(name: str, error: Exception, *, is_final: bool) -> None:
    runs_metric.labels(name, "failed" if is_final else "retried").inc()
    if is_final:
        log.error("job.failed", job=name, exc_info=error)
    else:
        log.warning("job.retry", job=name, error=repr(error))


async def _rescue(app: App) -> None:
    """Give the jobs of workers that died in the middle to those that live."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        try:
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                log.warning("job.rescued", job=job.task_name)
                await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
        except ConnectorException as error:
            log.warning("jobs.rescue_paused", error=repr(error.__cause__))


def _say_failures_once() -> None:
    # Its line about a failed job would repeat ours, stack and all.
    logging.getLogger("procrastinate.worker").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not str(getattr(record, "action", "")).startswith("job_")
