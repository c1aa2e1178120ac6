"""Telemetry: one trace from the request to the effect of its fact, and nothing of it when nobody looks."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chassis import telemetry
from chassis.context import Work, begin_work
from chassis.ids import new_id
from chassis.rpc import Peer, ServiceIdentity
from chassis.service import serve
from chassis.testing.databases import Databases
from execos.platform.v1 import jobs_pb2 as pb
from execos.platform.v1 import jobs_pb2_grpc
from sample.broker import Broker
from sample.identity import Identity
from sample.lone_service import SECRET, Environment
from sample.notes import NOTES
from sample.waiting import until_true

TRACE = "ab" * 16
FOLDER = Path(__file__).parent


class Collector:
    """An OTLP endpoint that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            except asyncio.IncompleteReadError:
                break
            length = int(head.partition("content-length:")[2].split()[0])
            self._keep(await reader.readexactly(length), is_packed="content-encoding: gzip" in head)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    def _keep(self, body: bytes, *, is_packed: bool) -> None:
        assert not is_packed
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.services |= {
                attribute.value.string_value
                for attribute in resource.resource.attributes
                if attribute.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def names(self, trace: str) -> set[str]:
        return {span.name for span in self.spans if span.trace_id.hex() == trace}


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    server = await asyncio.start_server(collector.take, "127.0.0.1", 0)
    collector.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield collector
    server.close()


@asynccontextmanager
async def traced(environment: Environment) -> AsyncIterator[None]:
    """The service in this process with its tracing."""
    task = asyncio.create_task(serve(NOTES, environment.settings))
    async with httpx2.AsyncClient() as client:

        async def is_ready() -> bool:
            if task.done():
                await task
            try:
                return (await client.get(f"http://127.0.0.1:{environment.http}/readyz")).status_code == 200
            except httpx2.HTTPError:
                return False

        await until_true(is_ready, 20)
    try:
        yield
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=2)


async def test_request_its_fact_and_the_effect_are_one_trace(
    databases: Databases, broker: Broker, collector: Collector
) -> None:
    databases.migrated(NOTES)
    async with Identity().listening() as identity:
        environment = Environment(
            database_url=databases.url("sales", "app"),
            system_database_url=databases.url("sales", "system"),
            owner_database_url="",
            nats_url=broker.url,
            jwks_url=identity.url,
        )
        environment = replace(
            environment, more={"SALES_OTLP_ENDPOINT": collector.url, "SALES_OWNER_DATABASE_URL": None}
        )
        headers = {
            "authorization": f"Bearer {identity.token(org=str(new_id()))}",
            "traceparent": f"00-{TRACE}-{'1' * 16}-01",
        }
        url = f"http://127.0.0.1:{environment.http}/api/v1/notes"
        async with traced(environment), httpx2.AsyncClient(headers=headers) as client:
            assert (await client.post(url, json={"title": "Traced"})).status_code == 201

            async def has_heard() -> bool:
                return bool((await client.get(url)).json()["total"] == 2)

            await until_true(has_heard)
            await ask_over_grpc(environment)
    names = collector.names(TRACE)
    assert "POST /api/v1/notes" in names
    assert "receive sales.company.created.v1" in names
    assert any(name.startswith(("INSERT", "WITH", "BEGIN")) for name in names), names
    assert not any("http send" in name or "http receive" in name for name in names)
    assert collector.services == {"sales"}
    assert "/execos.platform.v1.JobsService/List" in {span.name for span in collector.spans}
    assert telemetry.traceparent("as given") == "as given"


async def ask_over_grpc(environment: Environment) -> None:
    begin_work(Work("request"))
    peer = Peer("sales", f"127.0.0.1:{environment.grpc}", ServiceIdentity("reporting", SECRET))
    calls = jobs_pb2_grpc.JobsServiceStub(peer.channel)
    await peer.ask(calls.List, pb.ListRequest(org_id=str(new_id())))
    await peer.close()


def test_nothing_heavy_is_imported_to_serve() -> None:
    program = (
        "import sys; import sample.notes, chassis.cli; NOTES = sample.notes.NOTES; NOTES.app();"
        " print(*sorted(name for name in sys.modules if name in"
        " {'opentelemetry.sdk', 'opentelemetry.sdk.trace', 'alembic', 'procrastinate', 'croniter', 'requests',"
        " 'httpx2'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(FOLDER), "PATH": "/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == ""


def test_tracing_that_is_off_changes_nothing() -> None:
    work = Work("request", traceparent="given")
    with telemetry.following("anything", work):
        assert telemetry.traceparent("given") == "given"
    assert work.traceparent == "given"
    assert telemetry.server_interceptors() == telemetry.client_interceptors() == ()
    telemetry.start("sales", None)()
