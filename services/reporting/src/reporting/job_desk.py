"""The jobs of all services behind one counter: the peers over gRPC, reporting's own directly."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis import job_runs
from chassis.errors import DependencyUnavailable, NotFound
from chassis.runtime import Runtime
from clients.jobs.client import Jobs
from clients.jobs.types import Job, JobRun, job_of, run_of
from reporting.jobs import jobs as own_jobs
from reporting.settings import ReportingSettings


@dataclass(frozen=True, slots=True)
class OwnJobs:
    """The jobs of this service, asked like those of a peer."""

    runtime: Runtime

    async def jobs(self, org_id: UUID, name: str | None = None) -> list[Job]:
        """The jobs in order of name, or one of them."""
        profile = self.runtime.part(ReportingSettings).profile
        found = await job_runs.overview(self.runtime, own_jobs, profile, org_id, name)
        return [job_of(message) for message in found]

    async def run(self, org_id: UUID, name: str, request_id: str) -> JobRun:
        """Start a job now."""
        return run_of(await job_runs.start(self.runtime, own_jobs, org_id, name, request_id))


class JobDesk:
    """Who is asked for which job; a job is called `<service>.<name>`."""

    def __init__(self, peers: Mapping[str, Jobs]) -> None:
        self._peers = peers

    async def list_jobs(self, runtime: Runtime, org_id: UUID) -> tuple[list[Job], list[str]]:
        """The jobs of every service that answers, and the names of those that do not."""
        services = self._services(runtime)
        answers = await asyncio.gather(*(_ask(service, org_id) for service in services.values()))
        found = dict(zip(services, answers, strict=True))
        shown = [job for answer in found.values() for job in answer or ()]
        return sorted(shown, key=lambda job: job.name), sorted(
            name for name, answer in found.items() if answer is None
        )

    async def list_runs(self, runtime: Runtime, org_id: UUID, name: str) -> Sequence[JobRun]:
        """The newest runs of a job, the newest first; NotFound for an unknown name."""
        [job] = await self._service_of(runtime, name).jobs(org_id, name)
        return job.runs

    async def find_run(self, runtime: Runtime, org_id: UUID, run_id: UUID) -> JobRun:
        """One of the newest runs; NotFound when there is none, DependencyUnavailable when who may have it is away."""
        jobs, away = await self.list_jobs(runtime, org_id)
        for run in (run for job in jobs for run in job.runs):
            if run.id == run_id:
                return run
        if away:
            raise DependencyUnavailable("A service does not answer; try again.", service=away[0])
        raise NotFound("There is no such run.")

    async def run(self, runtime: Runtime, org_id: UUID, name: str, request_id: str) -> JobRun:
        """Start a job now; NotFound for an unknown name."""
        return await self._service_of(runtime, name).run(org_id, name, request_id)

    def _services(self, runtime: Runtime) -> dict[str, Jobs]:
        return {**self._peers, own_jobs.context: OwnJobs(runtime)}

    def _service_of(self, runtime: Runtime, name: str) -> Jobs:
        service = self._services(runtime).get(name.partition(".")[0])
        if service is None:
            raise NotFound("There is no such job.")
        return service


async def _ask(service: Jobs, org_id: UUID) -> list[Job] | None:
    try:
        return await service.jobs(org_id)
    except DependencyUnavailable:
        return None
