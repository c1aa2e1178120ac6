"""Runs of organisation-scoped jobs: one row for each job, organisation and slot, kept for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import system_actor
from chassis.ids import new_id
from chassis.jobs import Jobs, Periodic, Profile, enqueue, run_task_name
from chassis.rows import ACTIVE_RUNS, job_run
from chassis.runtime import Runtime
from chassis.tx import Tx
from execos.platform.v1 import jobs_pb2 as pb

MAX_SHOWN = 20
MAX_ERROR_LENGTH = 500


async def start(runtime: Runtime, jobs: Jobs, org_id: UUID, name: str, request_id: str) -> pb.JobRun:
    """Queue a run of `<context>.<name>` now; the run that is active, or that this request started before, instead.

    Raises NotFound for an unknown name.
    """
    job = jobs.find(name)
    async with runtime.source.tx(system_actor(org_id)) as tx:
        run = await queue(tx, job, tx.now, request_id=request_id or None)
        if run is None:
            run = await _find_twin(tx.session, org_id, job.name, request_id)
    return message_of(jobs.context, run)


async def queue(tx: Tx, job: Periodic, slot: datetime, *, request_id: str | None = None) -> Row[Any] | None:
    """Queue a run for a slot; None when that slot has one, or another run of the job is still active."""
    columns = {
        "org_id": tx.actor.org_id,
        "id": new_id(),
        "name": job.name,
        "slot": slot,
        "status": "queued",
        "request_id": request_id,
        "queued_at": tx.now,
        "attempts": 0,
    }
    added = await tx.session.execute(
        insert(job_run).values(columns).on_conflict_do_nothing().returning(job_run)
    )
    run: Row[Any] | None = added.one_or_none()
    if run is not None:
        arguments = {"run_id": str(run.id), "slot": slot.isoformat()}
        await enqueue(tx, run_task_name(job.name), arguments, lock=job.lock)
    return run


async def mark(runtime: Runtime, org_id: UUID, run_id: UUID, **columns: Any) -> None:
    """Change a run's row in a transaction of its own."""
    async with runtime.source.database.session(org_id) as session:
        changed = update(job_run).where(job_run.c.org_id == org_id, job_run.c.id == run_id)
        await session.execute(changed.values(columns))
        await session.commit()


async def overview(
    runtime: Runtime, jobs: Jobs, profile: Profile, org_id: UUID, name: str | None = None
) -> list[pb.Job]:
    """What an organisation may see: its jobs in order of name with their newest runs; NotFound for an unknown name."""
    wanted = (
        [jobs.find(name)] if name else [job for job in jobs.periodics.values() if job.scope == "organisation"]
    )
    async with runtime.source.database.session(org_id, read_only=True) as session:
        rows = (await session.execute(_newest(org_id, [job.name for job in wanted]))).all()
    now = runtime.source.clock()
    return [
        _job_message(
            jobs.context, job, job.schedule(profile), [row for row in rows if row.name == job.name], now
        )
        for job in sorted(wanted, key=lambda job: job.name)
    ]


def message_of(context: str, run: Row[Any]) -> pb.JobRun:
    """A run as the contract says it."""
    message = pb.JobRun(
        id=str(run.id), name=f"{context}.{run.name}", status=run.status, error=run.error or ""
    )
    for name in ("queued_at", "started_at", "finished_at"):
        instant = getattr(run, name)
        if instant is not None:
            getattr(message, name).FromDatetime(instant)
    return message


def seconds_last(cron: str) -> str:
    """A cron expression as croniter reads it: the seconds of six fields at the end."""
    fields = cron.split()
    return (
        " ".join(fields[1:] + fields[:1])
        if len(fields) > len(("minute", "hour", "day", "month", "weekday"))
        else cron
    )


def _job_message(context: str, job: Periodic, cron: str, runs: Sequence[Row[Any]], now: datetime) -> pb.Job:
    from croniter import croniter  # type: ignore[import-untyped]  # noqa: PLC0415 - no stubs; heavy, and only here

    message = pb.Job(
        name=f"{context}.{job.name}",
        schedule=cron,
        description=job.description,
        last_run=message_of(context, runs[0]) if runs else None,
        runs=[message_of(context, run) for run in runs],
    )
    message.next_run.FromDatetime(croniter(seconds_last(cron), now.astimezone(UTC)).get_next(datetime))
    return message


def _newest(org_id: UUID, names: Sequence[str]) -> Select[Any]:
    number = func.row_number().over(partition_by=job_run.c.name, order_by=job_run.c.queued_at.desc())
    ranked = select(job_run, number.label("place")).where(
        job_run.c.org_id == org_id, job_run.c.name.in_(names)
    )
    numbered = ranked.subquery()
    return select(numbered).where(numbered.c.place <= MAX_SHOWN).order_by(numbered.c.name, numbered.c.place)


async def _find_twin(session: AsyncSession, org_id: UUID, name: str, request_id: str) -> Row[Any]:
    same = or_(job_run.c.request_id == request_id, job_run.c.status.in_(ACTIVE_RUNS))
    found = select(job_run).where(job_run.c.org_id == org_id, job_run.c.name == name, same)
    by_request_first = (job_run.c.request_id == request_id).desc().nulls_last()
    return (await session.execute(found.order_by(by_request_first).limit(1))).one()
