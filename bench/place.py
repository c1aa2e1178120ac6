"""Where it is measured: an embedded platform, and a sales service and floors on a database nobody else uses."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psycopg
from tests.e2e.stage import Stage
from tests.e2e.visitor import PASSWORD, Visitor

from chassis.ids import new_id
from local.keys import Keys
from local.layout import Layout
from local.ports import HOST, free_port
from local.postgres import Cluster
from local.service_environment import migration_environment, service_environment
from local.settings import Settings

FIRST_OFFSET = 6000
DATABASE = "sales_bench"
IDENTITY_DATABASE = "identity_bench"
ORGANISATIONS = 20
COMPANIES_EACH = 500
_READY = re.compile(r"Execos is ready in ([0-9.]+) s")
_PATIENCE_SECONDS = 30.0


@dataclass
class Place:
    """The running platform and what the measurements need of it."""

    stage: Stage
    folder: Path
    people: dict[str, Visitor] = field(default_factory=dict)
    first_start_seconds: float = 0.0
    next_start_seconds: float = 0.0

    @property
    def settings(self) -> Settings:
        """The platform's settings, as `up` has them."""
        return Settings(data_directory=self.stage.root, ports=self.stage.ports, profile="test")

    @property
    def keys(self) -> Keys:
        """The platform's secrets."""
        return Keys(Layout(self.stage.root).secrets)

    @property
    def cluster(self) -> Cluster:
        """The platform's PostgreSQL."""
        layout = Layout(self.stage.root)
        return Cluster(layout.postgres, self.stage.ports.postgres, self.keys.postgres)

    @property
    def ca(self) -> Path:
        """Our authority."""
        return self.stage.root / "certs" / "ca.pem"

    def port(self, service: str) -> int:
        """The HTTP port of a service of the platform."""
        return self.stage.ports.http(service)

    def person(self, role: str) -> Visitor:
        """Somebody of acme, signed in."""
        if role not in self.people:
            visitor = Visitor(self.stage.url, self.ca)
            answer = visitor.sign_in(f"{role}@acme.example")
            if answer.status_code != 200:
                raise RuntimeError(answer.text)
            self.people[role] = visitor
        return self.people[role]

    def token(self, role: str) -> str:
        """An access token; it lives ten minutes, longer than a run."""
        return self.person(role).token or ""

    def organisation(self) -> UUID:
        """Acme's id."""
        return UUID(self.person("owner").get("/org")["id"])


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Started twice, to see how long that takes with nothing there and with everything there; removed at the end."""
    stage = Stage.at("bench", first_offset=FIRST_OFFSET)
    stage.reset()
    here = Place(stage, stage.root / "bench")
    try:
        here.first_start_seconds = _started(stage)
        with here.cluster.connect() as connection:
            connection.execute(
                "ALTER SYSTEM SET track_commit_timestamp = on"
            )  # the clock of both ends of a fact
        stage.local("down")
        here.next_start_seconds = _started(stage)
        here.folder.mkdir(mode=0o700)
        yield here
    finally:
        for visitor in here.people.values():
            visitor.close()
        for file in sorted(here.folder.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        if here.folder.exists():
            here.folder.rmdir()
        stage.reset()


def _started(stage: Stage) -> float:
    said = stage.up()
    found = _READY.search(said)
    if found is None:
        raise RuntimeError(said)
    return float(found[1])


@dataclass(frozen=True)
class Bare:
    """A sales service with nothing but its doors, and the floor process, on one database with the same rows."""

    sales_pid: int
    sales_port: int
    floor_pid: int
    floor_port: int
    company_id: UUID


@contextlib.contextmanager
def bare(here: Place) -> Iterator[Bare]:
    """Both processes on a database that no relay and no consumer looks at."""
    here.cluster.ensure_database("sales", name=DATABASE)
    org_id = here.organisation()
    environment = environment_of(here, "sales", DATABASE)
    run([sys.executable, "-m", "sales", "migrate"], environment)
    with here.cluster.connect(DATABASE) as connection:
        company_id = _fill(connection, org_id)
    floor_port = free_port()
    floor_environment = {
        "FLOOR_DATABASE_URL": here.cluster.url("sales_app", DATABASE),
        "FLOOR_ORG": str(org_id),
    }
    sales_port = int(environment["SALES_HTTP_ADDRESS"].rpartition(":")[2])
    with (
        serving([sys.executable, "-m", "sales", "serve", "--only", "http"], environment, sales_port) as sales,
        serving(
            [sys.executable, "-m", "bench.floors", str(floor_port)], floor_environment, floor_port
        ) as floor,
    ):
        yield Bare(sales, sales_port, floor, floor_port, company_id)


@dataclass(frozen=True)
class Signed:
    """An identity service with nothing but its doors, and its floor, on one database with the demo's people."""

    identity_pid: int
    identity_port: int
    floor_pid: int
    floor_port: int
    tokens: list[str]
    cookies: list[str]


@contextlib.contextmanager
def signed(here: Place, *, sessions: int) -> Iterator[Signed]:
    """Both processes, and as many sign-ins of one person."""
    here.cluster.ensure_database("identity", name=IDENTITY_DATABASE)
    environment = environment_of(here, "identity", IDENTITY_DATABASE)
    for command in ("migrate", "seed"):
        run([sys.executable, "-m", "identity", command], environment)
    port, floor_port = int(environment["IDENTITY_HTTP_ADDRESS"].rpartition(":")[2]), free_port()
    floor_environment = {"FLOOR_DATABASE_URL": here.cluster.url("identity_system", IDENTITY_DATABASE)}
    with (
        serving([sys.executable, "-m", "identity", "serve", "--only", "http"], environment, port) as identity,
        serving(
            [sys.executable, "-m", "bench.identity_floors", str(floor_port)], floor_environment, floor_port
        ) as floor,
    ):
        answers = [_login(port) for _ in range(sessions)]
        tokens = [answer.json()["accessToken"] for answer in answers]
        cookies = [answer.cookies["execos_refresh_token"] for answer in answers]
        yield Signed(identity, port, floor, floor_port, tokens, cookies)


def _login(port: int) -> httpx2.Response:
    body = {"email": "viewer@globex.example", "password": PASSWORD}
    answer = httpx2.post(f"http://{HOST}:{port}/api/v1/auth/login", json=body, timeout=15)
    return answer.raise_for_status()


def environment_of(here: Place, service: str, database: str) -> dict[str, str]:
    """What a service of the platform is told, on a database and ports of its own."""
    prefix = service.upper()
    ports = {f"{prefix}_{kind}_ADDRESS": f"{HOST}:{free_port()}" for kind in ("HTTP", "GRPC", "METRICS")}
    databases = {
        f"{prefix}_{name}": here.cluster.url(f"{service}_{role}", database)
        for name, role in (
            ("DATABASE_URL", "app"),
            ("SYSTEM_DATABASE_URL", "system"),
            ("OWNER_DATABASE_URL", "owner"),
        )
    }
    settings, keys, cluster = here.settings, here.keys, here.cluster
    shared = migration_environment((service,), settings, keys, cluster)
    return shared | service_environment(service, settings, keys, cluster) | ports | databases


def _fill(connection: psycopg.Connection, org_id: UUID) -> UUID:
    """Companies of 20 organisations, so that an index that forgot the tenant would show."""
    others = [org_id, *(new_id() for _ in range(ORGANISATIONS - 1))]
    now = datetime.now(UTC)
    owners = {each: new_id() for each in others}
    member = "COPY known_member (org_id, id, version, copied_at, name, email, role, status) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(member) as copy:
        for each, owner in owners.items():
            copy.write_row((each, owner, 1, now, "Somebody", "somebody@example.test", "SALES", "active"))
    company = (
        "COPY company (org_id, id, version, created_at, updated_at, name, email, owner_user_id) FROM STDIN"
    )
    company_id = new_id()
    with connection.cursor() as cursor, cursor.copy(company) as copy:
        for number in range(COMPANIES_EACH):
            at = now - timedelta(minutes=COMPANIES_EACH - number)
            for each, owner in owners.items():
                is_known = each == org_id and number == 0
                row_id = company_id if is_known else new_id()
                email = f"office{number}@example.test"
                copy.write_row((each, row_id, 1, at, at, f"Company {number}", email, owner))
    connection.execute("ANALYZE")
    return company_id


def run(command: list[str], environment: Mapping[str, str]) -> None:
    """A command to its end; RuntimeError with what it said when it fails."""
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


@contextlib.contextmanager
def serving(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[int]:
    """A process that answers on a port; its pid."""
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            _wait_for(port, process)
            yield process.pid
        finally:
            process.kill()


def _wait_for(port: int, process: "subprocess.Popen[Any]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(f"http://{HOST}:{port}/readyz", timeout=2).is_success:
                return
        if process.poll() is not None and process.stderr:
            raise RuntimeError(process.stderr.read()[-2000:].decode())
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers on port {port}")
