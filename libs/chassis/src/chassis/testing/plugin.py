"""pytest plugin: real PostgreSQL and NATS for every worker, and services in this process on top of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
import structlog

from chassis import logs
from chassis.service import Service
from chassis.testing.databases import Databases
from chassis.testing.stand import Stand
from local.nats import Server as NatsServer
from local.nats import throwaway as throwaway_nats
from local.postgres import Cluster
from local.postgres import throwaway as throwaway_postgres

Start = Callable[..., Awaitable[Stand]]


def pytest_configure() -> None:
    """Log as services do: the renderer for terminals takes seconds for one stack."""
    logs.configure("test", "info")
    structlog.configure(cache_logger_on_first_use=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A throw-away PostgreSQL cluster of this worker."""
    with throwaway_postgres() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """A throw-away JetStream server of this worker."""
    with throwaway_nats() as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: Cluster) -> Databases:
    """Migrated databases by service, made once per worker."""
    return Databases(postgres)


@pytest.fixture
async def start(databases: Databases) -> AsyncIterator[Start]:
    """Starting services in this process.

    `stand = await start(SALES, {IdentityClient: FakeIdentity()})`
    """
    async with AsyncExitStack() as stack:

        async def _start(service: Service, parts: Mapping[type, Any] | None = None, **settings: Any) -> Stand:
            databases.migrated(service)
            return await stack.enter_async_context(Stand.of(service, databases, parts or {}, settings))

        yield _start
