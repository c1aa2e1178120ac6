"""Jobs and their runs, as plain values."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from execos.platform.v1 import jobs_pb2 as pb


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run; `status` is queued, running, succeeded or failed."""

    id: UUID
    name: str
    status: str
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job that runs by itself on a schedule (a cron expression) and can be started by hand."""

    name: str
    schedule: str
    description: str
    last_run: JobRun | None = None
    next_run: datetime | None = None
    runs: tuple[JobRun, ...] = ()


def job_of(message: pb.Job) -> Job:
    """From the message of an answer."""
    return Job(
        name=message.name,
        schedule=message.schedule,
        description=message.description,
        last_run=run_of(message.last_run) if message.HasField("last_run") else None,
        next_run=_instant(message, "next_run"),
        runs=tuple(run_of(run) for run in message.runs),
    )


def run_of(message: pb.JobRun) -> JobRun:
    """From the message of an answer."""
    return JobRun(
        id=UUID(message.id),
        name=message.name,
        status=message.status,
        queued_at=message.queued_at.ToDatetime(tzinfo=UTC),
        started_at=_instant(message, "started_at"),
        finished_at=_instant(message, "finished_at"),
        error=message.error or None,
    )


def _instant(message: Any, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    instant: datetime = getattr(message, name).ToDatetime(tzinfo=UTC)
    return instant
