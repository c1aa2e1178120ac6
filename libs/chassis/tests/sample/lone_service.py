"""The sample service as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from chassis.settings import ServiceSettings, load
from chassis.testing.tokens import AUDIENCE, ISSUER
from local.ports import free_port

FOLDER = Path(__file__).parent.parent
SECRET = "s" * 32


@dataclass
class Environment:
    """What a process of the sample service is started with."""

    database_url: str
    system_database_url: str
    owner_database_url: str
    nats_url: str
    jwks_url: str
    http: int = field(default_factory=free_port)
    grpc: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    more: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def settings(self) -> ServiceSettings:
        """The same for a service inside this process."""
        return load(ServiceSettings, "SALES_", self.variables)

    @property
    def variables(self) -> dict[str, str]:
        values: dict[str, str | None] = {
            "SALES_DATABASE_URL": self.database_url,
            "SALES_SYSTEM_DATABASE_URL": self.system_database_url,
            "SALES_OWNER_DATABASE_URL": self.owner_database_url,
            "SALES_NATS_URL": self.nats_url,
            "SALES_JWKS_URL": self.jwks_url,
            "SALES_HTTP_ADDRESS": f"127.0.0.1:{self.http}",
            "SALES_GRPC_ADDRESS": f"127.0.0.1:{self.grpc}",
            "SALES_METRICS_ADDRESS": f"127.0.0.1:{self.metrics}",
            "SALES_TOKEN_ISSUER": ISSUER,
            "SALES_TOKEN_AUDIENCE": AUDIENCE,
            "SALES_SERVICE_SECRET": SECRET,
            "SALES_PUBLIC_BASE_URL": "https://execos.test",
            "EXECOS_ENV": "development",
            "EXECOS_PROFILE": "test",
            "EXECOS_SERVICES": f"sales=http://127.0.0.1:{self.http},work=http://127.0.0.1:1",
            "EXECOS_CORE_SERVICES": "sales",
            "PYTHONPATH": str(FOLDER),
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
        }
        return {name: value for name, value in (values | dict(self.more)).items() if value is not None}


class Process:
    """A running process of the sample service, and what it has said."""

    def __init__(self, started: asyncio.subprocess.Process, environment: Environment) -> None:
        self.started = started
        self.environment = environment
        self.output = ""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.started.stdout
        while line := await self.started.stdout.readline():
            self.output += line.decode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment.http}"

    @property
    def rss_megabytes(self) -> float:
        return float(psutil.Process(self.started.pid).memory_info().rss / 1e6)

    async def is_ready(self) -> bool:
        """Whether /readyz is 200; AssertionError when the process has ended."""
        assert self.started.returncode is None, self.output
        try:
            async with httpx2.AsyncClient(timeout=2) as client:
                return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        if self.started.returncode is None:
            self.started.send_signal(number)
        code = await asyncio.wait_for(self.started.wait(), 30)
        await self._reading
        return code


@asynccontextmanager
async def process(environment: Environment, *arguments: str) -> AsyncIterator[Process]:
    """`python -m sample <arguments>`, killed at the end if it still runs."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sample",
        *arguments,
        env=environment.variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Process(started, environment)
    try:
        yield running
    finally:
        await running.end(signal.SIGKILL)


async def ran(environment: Environment, *arguments: str) -> tuple[int, str]:
    """The exit code and the output of a command that ends by itself."""
    async with process(environment, *arguments) as running:
        code = await asyncio.wait_for(running.started.wait(), 60)
        await running._reading
        return code, running.output
