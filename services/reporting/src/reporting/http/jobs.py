"""Doors of the jobs of all services."""

from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Depends, Request, Response
from pydantic import Field, StringConstraints

from chassis.auth import Actor
from chassis.context import current_work, new_request_id
from chassis.guards import Requires
from chassis.http import API, router
from chassis.idempotency import check_key
from chassis.runtime import runtime_of
from chassis.schema import In, Instant, Out, Parameters, Text
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


@jobs.post("/jobs/run", response_model=RunOut, status_code=202)
async def run(body: RunIn, request: Request, response: Response, actor: MayRun) -> Any:
    """Start a job for this organisation now; while one is active, or for a repeated request, that run is answered."""
    runtime = runtime_of(request.app)
    started = await runtime.part(JobDesk).run(runtime, actor.org_id, body.name, _request_id(request, actor))
    response.headers["location"] = f"{API}/jobs/runs/{started.id}"
    return started


@jobs.get("/jobs/runs", response_model=RunsOut)
async def list_runs(
    request: Request, actor: MayRead, query: Annotated[RunsQuery, Depends(RunsQuery.of)]
) -> Any:
    """The newest runs of one job."""
    runtime = runtime_of(request.app)
    runs = await runtime.part(JobDesk).list_runs(runtime, actor.org_id, query.name)
    return {"items": runs, "as_of": runtime.source.clock()}


@jobs.get("/jobs/runs/{run_id}", response_model=RunOut)
async def read_run(request: Request, actor: MayRead, run_id: UUID) -> Any:
    """One run, while it is among the newest of its job."""
    runtime = runtime_of(request.app)
    return await runtime.part(JobDesk).find_run(runtime, actor.org_id, run_id)


def _request_id(request: Request, actor: Actor) -> str:
    """What makes a repeated request the same: its Idempotency-Key, which the job's owner remembers with the run."""
    key = request.headers.get("idempotency-key")
    if key is not None:
        return str(uuid5(NAMESPACE_URL, f"{actor.id}/{check_key(key)}"))
    work = current_work()
    return work.request_id if work else new_request_id()
