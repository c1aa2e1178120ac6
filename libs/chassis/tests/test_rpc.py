"""gRPC between services: who may call what, what a refusal becomes, deadlines, ports."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import jwt
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.context import Work, begin_work, current_work
from chassis.errors import (
    AppError,
    Conflict,
    Denied,
    DependencyUnavailable,
    Invalid,
    Limited,
    NotFound,
    StaleVersion,
    Unauthenticated,
    Unavailable,
)
from chassis.ids import new_id
from chassis.jobs_service import CALLERS, JobsServicer
from chassis.rpc import Callers, Peer, RpcServer, ServiceIdentity, uuid_field
from chassis.testing.stand import Stand
from execos.platform.v1 import jobs_pb2 as pb
from execos.platform.v1 import jobs_pb2_grpc
from sample.notes import TitleTaken

SECRET = "s" * 32
LIST = "/execos.platform.v1.JobsService/List"
RUN = "/execos.platform.v1.JobsService/Run"


class Scripted(jobs_pb2_grpc.JobsServiceServicer):
    """A service that answers what a test wants."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.delay = 0.0
        self.seen: list[Any] = []

    async def List(self, request: Any, context: Any) -> Any:
        work = current_work()
        assert work
        self.seen.append((work.request_id, work.traceparent, context.time_remaining()))
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        return pb.ListResponse(jobs=[pb.Job(name=request.org_id)])

    async def Run(self, request: Any, context: Any) -> Any:
        self.seen.append("run")
        raise self.failure or Unavailable("away")


@pytest.fixture
def service() -> Scripted:
    return Scripted()


CALLS: Callers = {LIST: frozenset({"reporting"}), RUN: frozenset({"reporting"})}


class Served:
    """A server and what is needed to call it."""

    def __init__(self, server: RpcServer, port: int) -> None:
        self.server = server
        self.address = f"127.0.0.1:{port}"

    def peer(self, caller: str = "reporting", secret: str = SECRET) -> Peer:
        return Peer("sales", self.address, ServiceIdentity(caller, secret))


@pytest.fixture
async def served(service: Scripted) -> AsyncIterator[Served]:
    server = RpcServer(ServiceIdentity("sales", SECRET), CALLS, {"uq_x": TitleTaken("taken")})
    jobs_pb2_grpc.add_JobsServiceServicer_to_server(service, server.grpc)
    yield Served(server, await server.start("127.0.0.1:0"))
    await server.stop(0)


async def ask(peer: Peer, org_id: str = "x", *, method: str = "List", **options: Any) -> Any:
    calls = jobs_pb2_grpc.JobsServiceStub(peer.channel)
    try:
        if method == "Run":
            return await peer.ask(calls.Run, pb.RunRequest(org_id=org_id), **options)
        return await peer.ask(calls.List, pb.ListRequest(org_id=org_id), **options)
    finally:
        await peer.close()


async def test_listed_caller_is_answered_and_brings_its_request_along(
    served: Served, service: Scripted
) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    begin_work(Work("33333333-3333-4333-8333-333333333333", traceparent=trace))
    assert (await ask(served.peer(), "hello")).jobs[0].name == "hello"
    ((request_id, traceparent, remaining),) = service.seen
    assert (request_id, traceparent) == ("33333333-3333-4333-8333-333333333333", trace)
    assert 1 < remaining < 2.1  # seconds; gRPC rounds what it writes on the wire up


@pytest.mark.parametrize(("caller", "secret"), [("billing", SECRET), ("", SECRET), ("reporting", "t" * 32)])
async def test_nobody_else_is_answered(served: Served, service: Scripted, caller: str, secret: str) -> None:
    with pytest.raises(DependencyUnavailable):
        await ask(served.peer(caller, secret))
    assert service.seen == []


def token(**claims: Any) -> str:
    now = int(time.time())
    values = {"sub": "reporting", "aud": "execos-services", "iat": now, "exp": now + 60} | claims
    values = {name: value for name, value in values.items() if value is not None}
    return jwt.encode(values, claims.pop("secret", SECRET), algorithm="HS256")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "garbage",
        token(exp=int(time.time()) - 1),
        token(aud="execos"),
        token(sub=None),
        token(exp=None),
        token(iat=None),
        jwt.encode(
            {"sub": "reporting", "aud": "execos-services", "iat": 1, "exp": 2**33},
            "t" * 32,
            algorithm="HS256",
        ),
        jwt.encode(
            {"sub": "reporting", "aud": "execos-services", "iat": 1, "exp": 2**33}, "", algorithm="none"
        ),
    ],
)
async def test_token_that_does_not_hold_is_refused(
    served: Served, service: Scripted, authorization: str | None
) -> None:
    async with grpc.aio.insecure_channel(served.address) as channel:
        call = jobs_pb2_grpc.JobsServiceStub(channel).List
        metadata = (("authorization", authorization),) if authorization is not None else ()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(pb.ListRequest(), timeout=2, metadata=metadata)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert service.seen == []


async def test_method_that_is_in_no_table_is_refused_and_an_unknown_one_does_not_exist(
    service: Scripted,
) -> None:
    server = RpcServer(ServiceIdentity("sales", SECRET), {}, {})
    jobs_pb2_grpc.add_JobsServiceServicer_to_server(service, server.grpc)
    port = await server.start("127.0.0.1:0")
    metadata = (("authorization", ServiceIdentity("reporting", SECRET).token()),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as unlisted:
            await jobs_pb2_grpc.JobsServiceStub(channel).List(pb.ListRequest(), timeout=2, metadata=metadata)
        drop: Any = channel.unary_unary("/execos.platform.v1.JobsService/Drop")
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await drop(b"", timeout=2, metadata=metadata)
    assert unlisted.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await server.stop(0)


async def test_streaming_methods_do_not_exist(service: Scripted) -> None:
    server = RpcServer(ServiceIdentity("sales", SECRET), CALLS, {})

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield b"x"

    handlers: Any = {"Watch": grpc.unary_stream_rpc_method_handler(stream)}
    server.grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("execos.x.v1.X", handlers),))
    port = await server.start("127.0.0.1:0")
    metadata = (("authorization", ServiceIdentity("reporting", SECRET).token()),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        watch: Any = channel.unary_stream("/execos.x.v1.X/Watch")
        call = watch(b"", timeout=2, metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await server.stop(0)


@pytest.mark.parametrize(
    ("failure", "becomes", "reason"),
    [
        (Invalid.field("org_id", "must be a UUID"), Invalid, "VALIDATION_ERROR"),
        (NotFound("There is no such job."), NotFound, "NOT_FOUND"),
        (Conflict("not now"), Conflict, "CONFLICT"),
        (TitleTaken("taken"), Conflict, "TITLE_TAKEN"),
        (StaleVersion("changed"), StaleVersion, "STALE_VERSION"),
        (Limited("slowly"), Limited, "TOO_MANY_REQUESTS"),
        (Unauthenticated("who"), DependencyUnavailable, "DEPENDENCY_UNAVAILABLE"),
        (Denied("not you"), DependencyUnavailable, "DEPENDENCY_UNAVAILABLE"),
        (Unavailable("later"), DependencyUnavailable, "DEPENDENCY_UNAVAILABLE"),
        (PoolTimeout("busy"), DependencyUnavailable, "DEPENDENCY_UNAVAILABLE"),
        (ZeroDivisionError("hunter2"), DependencyUnavailable, "DEPENDENCY_UNAVAILABLE"),
    ],
)
async def test_what_a_refusal_becomes_on_the_other_side(
    served: Served, service: Scripted, failure: Exception, becomes: type[AppError], reason: str
) -> None:
    service.failure = failure
    with pytest.raises(AppError) as refused:
        await ask(served.peer())
    assert type(refused.value) is becomes
    assert refused.value.reason == reason
    assert "hunter2" not in refused.value.message
    if becomes is not DependencyUnavailable:
        assert refused.value.message == str(failure)
    assert becomes.reason == becomes("x").reason, "the class keeps its own"


@pytest.mark.parametrize("method", ["List", "Run"])
async def test_peer_that_answers_is_not_asked_again(served: Served, service: Scripted, method: str) -> None:
    service.failure = Unavailable("busy")
    with pytest.raises(DependencyUnavailable):
        await ask(served.peer(), method=method)
    assert len(service.seen) == 1


async def test_peer_that_is_slow_is_unavailable_after_the_deadline(served: Served, service: Scripted) -> None:
    service.delay = 5
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable) as refused:
        await ask(served.peer(), deadline_seconds=0.2)
    assert time.monotonic() - began < 1
    assert refused.value.details == {"service": "sales"}
    assert refused.value.retry_after_seconds


async def test_peer_that_is_away_is_unavailable_at_once_and_found_when_it_is_back(service: Scripted) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    peer = Peer("sales", f"127.0.0.1:{port}", ServiceIdentity("reporting", SECRET))
    calls = jobs_pb2_grpc.JobsServiceStub(peer.channel)
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable):
        await peer.ask(calls.List, pb.ListRequest())
    assert time.monotonic() - began < 2.5
    server = RpcServer(ServiceIdentity("sales", SECRET), CALLS, {})
    jobs_pb2_grpc.add_JobsServiceServicer_to_server(service, server.grpc)
    await server.start(f"127.0.0.1:{port}")
    deadline = time.monotonic() + 5
    while True:
        try:
            await peer.ask(calls.List, pb.ListRequest())
            break
        except DependencyUnavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    await peer.close()
    await server.stop(0)


async def test_port_of_another_process_is_an_error(served: Served) -> None:
    second = RpcServer(ServiceIdentity("sales", SECRET), {}, {})
    with pytest.raises(OSError, match="cannot listen on"):
        await second.start(served.address)
    await second.stop(0)


async def test_health_is_open_to_everybody_and_says_when_we_stop(served: Served) -> None:
    async with grpc.aio.insecure_channel(served.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=2)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await served.server._health.enter_graceful_shutdown()
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=2)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_running_call_may_end_when_the_server_stops(served: Served, service: Scripted) -> None:
    service.delay = 0.3
    call = asyncio.create_task(ask(served.peer(), "patience"))
    await asyncio.sleep(0.1)
    await served.server.stop(5)
    assert (await call).jobs[0].name == "patience"


async def test_service_token_is_renewed_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = ServiceIdentity("sales", SECRET)
    first = identity.token()
    assert identity.token() == first
    later = time.time() + 31
    monkeypatch.setattr("chassis.rpc.time.time", lambda: later)
    assert identity.token() != first


def test_fields_that_must_be_uuids() -> None:
    org_id = new_id()
    assert uuid_field(str(org_id), "org_id") == org_id
    for text in ("", "x", "1" * 33):
        with pytest.raises(Invalid):
            uuid_field(text, "org_id")


# ------------------------------------------------------------------------------------------ jobs of a service


async def test_reporting_lists_and_starts_the_jobs_of_a_service(notes: Stand) -> None:
    server = RpcServer(ServiceIdentity("sales", SECRET), CALLERS, {})
    servicer = JobsServicer(notes.runtime, notes.service.all_jobs(), "test")
    jobs_pb2_grpc.add_JobsServiceServicer_to_server(servicer, server.grpc)
    port = await server.start("127.0.0.1:0")
    peer = Peer("sales", f"127.0.0.1:{port}", ServiceIdentity("reporting", SECRET))
    calls = jobs_pb2_grpc.JobsServiceStub(peer.channel)
    org_id, name = str(notes.org_id), "sales.seal-old-notes"
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "Old"})).json()
    run = (await peer.ask(calls.Run, pb.RunRequest(org_id=org_id, name=name, request_id="r"))).run
    assert (run.name, run.status) == (name, "queued")
    await notes.run_deferred()
    assert await notes.actions(note["id"]) == ["CREATE", "SEAL"]
    (job,) = (await peer.ask(calls.List, pb.ListRequest(org_id=org_id))).jobs
    assert (job.name, job.schedule, job.last_run.status) == (name, "*/1 * * * * *", "succeeded")
    assert (await peer.ask(calls.List, pb.ListRequest(org_id=org_id, name=name))).jobs[0].name == name
    for bad in (pb.RunRequest(org_id=org_id, name="sales.unknown"), pb.RunRequest(org_id="x", name=name)):
        with pytest.raises((NotFound, Invalid)):
            await peer.ask(calls.Run, bad)
    await peer.close()
    await server.stop(0)


async def test_children_that_are_forked_beside_calls_live(served: Served) -> None:
    peer = served.peer()
    calls = jobs_pb2_grpc.JobsServiceStub(peer.channel)

    async def talk() -> None:
        while True:
            await peer.ask(calls.List, pb.ListRequest(org_id="x"))

    async with asyncio.TaskGroup() as group:
        talks = [group.create_task(talk()) for _ in range(4)]
        ends = set()
        for _ in range(50):
            child = await asyncio.create_subprocess_exec("true", preexec_fn=lambda: None)
            ends.add(await child.wait())
        for each in talks:
            each.cancel()
    await peer.close()
    assert ends == {0}
