"""Questions about jobs, to any service over gRPC."""

from typing import Protocol
from uuid import UUID

from chassis.rpc import Peer
from clients.jobs.types import Job, JobRun, job_of, run_of
from execos.platform.v1 import jobs_pb2 as pb
from execos.platform.v1.jobs_pb2_grpc import JobsServiceStub


class Jobs(Protocol):
    """What can be asked of one service; the real client and the fake both answer."""

    async def jobs(self, org_id: UUID, name: str | None = None) -> list[Job]:
        """The service's jobs in order of name, or one of them; NotFound for an unknown name."""

    async def run(self, org_id: UUID, name: str, request_id: str) -> JobRun:
        """Start a job now: the run that is queued, or that is active already; NotFound for an unknown name."""


class JobsClient:
    """The real thing: calls a service with deadline, identity and error mapping."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = JobsServiceStub(peer.channel)

    async def jobs(self, org_id: UUID, name: str | None = None) -> list[Job]:
        """The service's jobs in order of name, or one of them."""
        answer = await self._peer.ask(self._stub.List, pb.ListRequest(org_id=str(org_id), name=name))
        return [job_of(message) for message in answer.jobs]

    async def run(self, org_id: UUID, name: str, request_id: str) -> JobRun:
        """Start a job now; the same request starts it once."""
        request = pb.RunRequest(org_id=str(org_id), name=name, request_id=request_id)
        return run_of((await self._peer.ask(self._stub.Run, request)).run)
