"""Doors of the jobs of all services."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Depends, Request, Response
from pydantic import Field, StringConstraints

from chassis.auth import Actor
from chassis.context import current_work, new_request_id
from chassis.guards import InTx, Requires, open_tx
from chassis.http import API, router
from chassis.idempotency import check_key
from chassis.runtime import runtime_of
from chassis.schema import In, Instant, Out, Parameters, Text
from clients.jobs.types import JobRun
from reporting.domain.permissions import Permission
from reporting.job_desk import JobDesk

jobs = router("jobs")

MayRead = Annotated[Actor, Depends(Requires(Permission.JOBS_READ))]
MayRun = Annotated[Actor, Depends(Requires(Permission.JOBS_RUN))]

Name = Annotated[Text, StringConstraints(min_length=1, max_length=128)]


class RunOut(Out):
    """One run of a job; `status` is queued, running, succeeded or failed."""

    id: UUID
    name: str
    status: str
    queued_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    error: str | None


class FreshRunOut(RunOut):
    """One run as it is now."""

    as_of: Instant


class JobOut(Out):
    """A job that runs by itself; `schedule` is a cron expression in UTC."""

    name: str
    schedule: str
    description: str
    last_run: RunOut | None
    next_run: Instant | None


class JobsOut(Out):
    """The jobs of all services; `unavailable` names those that do not answer now."""

    items: list[JobOut]
    unavailable: list[str]
    as_of: Instant


class RunsOut(Out):
    """The newest runs of a job, at most 20, the newest first."""

    items: list[RunOut]
    as_of: Instant


class RunIn(In):
    """Which job, such as "reporting.compute-health-score"."""

    name: Name


class RunsQuery(Parameters):
    """Of which job."""

    name: Name = Field()


@jobs.get("/jobs", response_model=JobsOut)
async def search(request: Request, actor: MayRead) -> Any:
    """Every job of the organisation with its last and its next run."""
    runtime = runtime_of(request.app)
    found, away = await runtime.part(JobDesk).list_jobs(runtime, actor.org_id)
    return {"items": found, "unavailable": away, "as_of": runtime.source.clock()}


async def start_run(body: RunIn, request: Request, actor: MayRun) -> JobRun:
    """The run that the request starts, before the transaction of its answer: another service may have to be asked.

    A request whose key has an answer starts nothing; the job's owner knows the key of one that was cut off.
    """
    runtime = runtime_of(request.app)
    looking = await open_tx(request, runtime.source)
    await looking.close()
    return await runtime.part(JobDesk).run(runtime, actor.org_id, body.name, _request_id(request, actor))


StartedRun = Annotated[JobRun, Depends(start_run)]


@jobs.post("/jobs/run", response_model=FreshRunOut, status_code=202)
async def run(_actor: MayRun, started: StartedRun, response: Response, tx: InTx) -> Any:
    """Start a job for this organisation now; while one is active, that run is answered."""
    response.headers["location"] = f"{API}/jobs/runs/{started.id}"
    return asdict(started) | {"as_of": tx.now}


@jobs.get("/jobs/runs", response_model=RunsOut)
async def list_runs(
    request: Request, actor: MayRead, query: Annotated[RunsQuery, Depends(RunsQuery.of)]
) -> Any:
    """The newest runs of one job."""
    runtime = runtime_of(request.app)
    runs = await runtime.part(JobDesk).list_runs(runtime, actor.org_id, query.name)
    return {"items": runs, "as_of": runtime.source.clock()}


@jobs.get("/jobs/runs/{run_id}", response_model=FreshRunOut)
async def read_run(request: Request, actor: MayRead, run_id: UUID) -> Any:
    """One run, while it is among the newest of its job."""
    runtime = runtime_of(request.app)
    found = await runtime.part(JobDesk).find_run(runtime, actor.org_id, run_id)
    return asdict(found) | {"as_of": runtime.source.clock()}


def _request_id(request: Request, actor: Actor) -> str:
    """What makes a repeated request the same for the job's owner: its Idempotency-Key, remembered with the run."""
    key = request.headers.get("idempotency-key")
    if key is not None:
        return str(uuid5(NAMESPACE_URL, f"{actor.id}/{check_key(key)}"))
    work = current_work()
    return work.request_id if work else new_request_id()
