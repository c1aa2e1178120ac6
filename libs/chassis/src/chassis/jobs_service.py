"""The gRPC face of every service's jobs: list them and start one (spec/wire.md 9)."""

from __future__ import annotations

from typing import Any

import grpc

from chassis import job_runs
from chassis.jobs import Jobs, Profile
from chassis.rpc import Callers, uuid_field
from chassis.runtime import Runtime
from execos.platform.v1 import jobs_pb2 as pb
from execos.platform.v1 import jobs_pb2_grpc

READERS = frozenset({"reporting"})
CALLERS: Callers = {
    "/execos.platform.v1.JobsService/List": READERS,
    "/execos.platform.v1.JobsService/Run": READERS,
}

Context = grpc.aio.ServicerContext[Any, Any]


class JobsServicer(jobs_pb2_grpc.JobsServiceServicer):
    """Jobs of the answering service, for one organisation at a time."""

    def __init__(self, runtime: Runtime, jobs: Jobs, profile: Profile) -> None:
        self._runtime = runtime
        self._jobs = jobs
        self._profile = profile

    async def List(self, request: pb.ListRequest, context: Context) -> pb.ListResponse:  # noqa: ARG002, N802 - gRPC's signature
        """Every job an organisation may see, in order of name."""
        org_id = uuid_field(request.org_id, "org_id")
        name = request.name if request.HasField("name") else None
        return pb.ListResponse(
            jobs=await job_runs.overview(self._runtime, self._jobs, self._profile, org_id, name)
        )

    async def Run(self, request: pb.RunRequest, context: Context) -> pb.RunResponse:  # noqa: ARG002, N802 - as above
        """Start a job for one organisation now."""
        org_id = uuid_field(request.org_id, "org_id")
        run = await job_runs.start(self._runtime, self._jobs, org_id, request.name, request.request_id)
        return pb.RunResponse(run=run)


def add_jobs_service(server: grpc.aio.Server, runtime: Runtime, jobs: Jobs, profile: Profile) -> None:
    """Answer questions about jobs on a gRPC server."""
    jobs_pb2_grpc.add_JobsServiceServicer_to_server(JobsServicer(runtime, jobs, profile), server)
