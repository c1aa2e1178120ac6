"""A service put together: what it is made of, and what runs when it serves."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from sqlalchemy import MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis import telemetry
from chassis.auth import KeySet, TokenVerifier
from chassis.bus import Bus
from chassis.clock import utc_now
from chassis.consumers import Consumer
from chassis.database import Database
from chassis.denials import Denials
from chassis.erasure import with_erasure
from chassis.errors import Constraints
from chassis.housekeeping import with_housekeeping
from chassis.http import create_app
from chassis.inbox import Handlers
from chassis.jobs import Jobs
from chassis.jobs_service import CALLERS, add_jobs_service
from chassis.metrics import serve_metrics
from chassis.relay import Relay
from chassis.revisions import SchemaMismatch, head_revision
from chassis.rpc import Callers, Peer, RpcServer, ServiceIdentity
from chassis.runtime import Platform, Runtime
from chassis.settings import Address, ServiceSettings, names_of, naming, services_of
from chassis.tenants import Rules, Tenants
from chassis.tx import Source
from chassis.watches import Watches, follow

log = structlog.get_logger()

PARTS = frozenset({"http", "grpc", "relay", "consumers", "jobs"})
SYSTEM_POOL = 3
STOP_SECONDS = 20
CANCEL_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
KEEP_ALIVE_SECONDS = 75
BACKLOG = 1024
DATABASE_PAUSE_SECONDS = 1.0


class PartEnded(RuntimeError):
    """A part of a service that must run for ever has ended; the supervisor starts the service again."""


async def _nothing(_runtime: Runtime) -> None:
    """What most services prepare before their doors open."""


async def _no_rules(_runtime: Runtime, _org_id: UUID) -> Rules:
    """What organisations demand of a service that keeps no copy of them."""
    return Rules()


@dataclass(frozen=True)
class Service:
    """The composition of one service; everything else follows from it."""

    name: str
    title: str
    settings: type[ServiceSettings]
    metadata: MetaData
    migrations: Path
    routers: Sequence[APIRouter]
    constraints: Constraints = field(default_factory=dict)
    handlers: Handlers = field(default_factory=dict)
    watches: Watches = field(default_factory=dict)
    rules_of: Callable[[Runtime, UUID], Awaitable[Rules]] = _no_rules
    module: str | None = None
    callers: Callers = field(default_factory=dict)
    serve_rpc: Callable[[Runtime, grpc.aio.Server], None] = lambda _runtime, _server: None
    peers: Callable[[Any, Callable[[str, str], Peer]], Mapping[type, Any]] = lambda _settings, _peer: {}
    jobs: Jobs | None = None
    commands: Mapping[str, Callable[[Runtime], Awaitable[None]]] = field(default_factory=dict)
    prepare: Callable[[Runtime], Awaitable[None]] = _nothing

    @property
    def prefix(self) -> str:
        """What the service's environment variables start with."""
        return self.name.upper() + "_"

    def all_jobs(self) -> Jobs:
        """The service's own jobs, the chassis' house-keeping, and the erasure of deleted organisations."""
        return with_erasure(with_housekeeping(self.jobs, self.name), self.metadata)

    def tenants(self, runtime: Callable[[], Runtime]) -> Tenants:
        """What organisations demand at this service's doors."""
        return Tenants(lambda org_id: self.rules_of(runtime(), org_id), self.module)

    def app(self, runtime: Runtime | None = None) -> FastAPI:
        """The HTTP application."""
        return create_app(self.title, self.routers, runtime)


@dataclass(frozen=True)
class Running:
    """The parts of a service in a process, connected and ready to be started."""

    service: Service
    settings: ServiceSettings
    runtime: Runtime
    bus: Bus
    relay: Relay
    identity: ServiceIdentity


@asynccontextmanager
async def assemble(service: Service, settings: ServiceSettings) -> AsyncIterator[Running]:
    """Connect the parts of a service; everything is closed again at the end."""
    identity = ServiceIdentity(service.name, settings.service_secret.get_secret_value())
    opened: list[Peer] = []

    def peer(name: str, address: str) -> Peer:
        opened.append(Peer(name, address, identity))
        return opened[-1]

    database = Database(settings.database_url.get_secret_value(), application=service.name)
    system = Database(
        settings.system_database_url.get_secret_value(),
        application=f"{service.name}-system",
        size=SYSTEM_POOL,
        overflow=0,
    )
    bus = Bus(settings.nats_url, name=service.name)
    relay = Relay(system, bus, context=service.name, clock=utc_now)
    source = Source(service.name, database, utc_now, relay.wake)
    keys = KeySet(settings.jwks_url, max_age_seconds=settings.jwks_cache_seconds)
    verifier = TokenVerifier(keys, issuer=settings.token_issuer, audience=settings.token_audience)
    parts = {type(settings): settings, **service.peers(settings, peer)}
    tenants = service.tenants(lambda: runtime)
    runtime = Runtime(
        source, system, verifier, Denials(source), tenants, service.constraints, parts, _platform(settings)
    )
    try:
        yield Running(service, settings, runtime, bus, relay, identity)
    finally:
        for each in opened:
            await each.close()
        await bus.close()
        await database.dispose()
        await system.dispose()


async def serve(service: Service, settings: ServiceSettings, only: frozenset[str] = PARTS) -> None:
    """Run the chosen parts until SIGTERM or SIGINT, then drain; a part that ends by itself ends the service."""
    async with (
        _signals() as stop,
        _tracing(service, settings),
        assemble(service, settings) as running,
        contextlib.AsyncExitStack() as stack,
    ):
        await _wait_for_database(running, stop)
        if stop.is_set():
            return
        await check_schema(service, running.runtime.source.database)
        await service.prepare(running.runtime)
        stack.callback(serve_metrics(settings.metrics_address))
        parts = [asyncio.create_task(part) for part in _background(running, only)]
        for part in parts:
            stack.push_async_callback(_cancel, part)
        if "grpc" in only:
            await stack.enter_async_context(_grpc(running))
        if "http" in only:
            parts.append(await stack.enter_async_context(_http(running)))
        log.info("service.started", parts=sorted(only))
        stopping = asyncio.create_task(stop.wait())
        stack.push_async_callback(_cancel, stopping)
        ended, _ = await asyncio.wait([stopping, *parts], return_when=asyncio.FIRST_COMPLETED)
        log.info("service.stopping")
        if stopping not in ended:
            raise PartEnded(repr(ended.pop()))


@asynccontextmanager
async def _signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _tracing(service: Service, settings: ServiceSettings) -> AsyncIterator[None]:
    stop = telemetry.start(service.name, settings.otlp_endpoint)
    try:
        yield
    finally:
        await asyncio.to_thread(stop)  # it waits until the last spans are out


async def _wait_for_database(running: Running, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await running.runtime.source.database.ping()
            return
        except (DBAPIError, PoolTimeout) as error:
            log.warning("service.waits_for_database", error=str(error.__cause__ or error).strip())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), DATABASE_PAUSE_SECONDS)


async def check_schema(service: Service, database: Database) -> None:
    """Raise SchemaMismatch unless the database is at the revision of this code."""
    wanted = head_revision(service.migrations)
    async with database.session(None, read_only=True) as session:
        has_version = await session.scalar(text("SELECT to_regclass('alembic_version')"))
        found = await session.scalar(text("SELECT version_num FROM alembic_version")) if has_version else None
    if found != wanted:
        raise SchemaMismatch(
            f"the database of {service.name} is at {found or 'nothing'}, this code needs {wanted}: "
            f"run `python -m {service.name} migrate`"
        )


def _background(running: Running, only: frozenset[str]) -> list[Any]:
    runtime, service = running.runtime, running.service
    tasks = []
    if "relay" in only:
        tasks.append(running.relay.run())
    if "consumers" in only and service.handlers:
        tasks.append(Consumer(runtime.source, runtime.system, running.bus, service.handlers).run())
    if "jobs" in only:
        tasks.append(_work(running))
    if only & {"http", "grpc"} and service.watches:
        tasks.append(follow(running.bus, runtime, service.watches))
    return tasks


async def _work(running: Running) -> None:
    from chassis import worker  # noqa: PLC0415 - procrastinate is heavy, and only this part needs it

    await worker.run(running.runtime, running.service.all_jobs(), running.settings.profile)


@asynccontextmanager
async def _grpc(running: Running) -> AsyncIterator[None]:
    service = running.service
    server = RpcServer(
        running.identity, {**service.callers, **CALLERS}, service.constraints, running.runtime.tenants
    )
    service.serve_rpc(running.runtime, server.grpc)
    add_jobs_service(server.grpc, running.runtime, service.all_jobs(), running.settings.profile)
    await server.start(running.settings.grpc_address)
    try:
        yield
    finally:
        await server.stop(STOP_SECONDS)


class _HttpServer(uvicorn.Server):
    """uvicorn that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture."""
        yield


@asynccontextmanager
async def _http(running: Running) -> AsyncIterator[asyncio.Task[None]]:
    address = Address.parse(running.settings.http_address)
    with naming(running.settings.http_address):
        listening = socket.create_server(address, backlog=BACKLOG)
    server = _HttpServer(
        uvicorn.Config(
            running.service.app(running.runtime),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    with contextlib.closing(listening):
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield task
        finally:
            server.should_exit = True
            await task


async def _cancel(task: asyncio.Task[Any]) -> None:
    # Again and again: asyncio.wait_for, on which the client of the broker is built, may swallow a cancellation
    # (CPython 3.11).
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_SECONDS)


def _platform(settings: ServiceSettings) -> Platform:
    core = names_of(settings.core_services)
    return Platform(services_of(settings.services), core, settings.root_domain)
