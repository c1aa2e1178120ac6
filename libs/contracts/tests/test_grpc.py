"""The generated stubs work over a real channel and are typed (mypy reads this file)."""

from grpc import aio

from execos.platform.v1.jobs_pb2 import Job, ListRequest, ListResponse, RunRequest, RunResponse
from execos.platform.v1.jobs_pb2_grpc import (
    JobsServiceServicer,
    JobsServiceStub,
    add_JobsServiceServicer_to_server,
)


class Jobs(JobsServiceServicer):
    """Knows one job."""

    async def List(self, request: ListRequest, context: object) -> ListResponse:
        """The one job."""
        return ListResponse(jobs=[Job(name=request.name or "work.remind")])

    async def Run(self, request: RunRequest, context: object) -> RunResponse:
        """The run of whatever was asked for."""
        response = RunResponse()
        response.run.name = request.name
        return response


async def test_a_question_is_answered_over_the_wire() -> None:
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    add_JobsServiceServicer_to_server(Jobs(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            jobs = JobsServiceStub(channel)
            listed = await jobs.List(ListRequest(org_id="o"), timeout=5)
            started = await jobs.Run(RunRequest(org_id="o", name="work.remind"), timeout=5)
    finally:
        await server.stop(grace=0)
    assert [job.name for job in listed.jobs] == ["work.remind"]
    assert started.run.name == "work.remind"
