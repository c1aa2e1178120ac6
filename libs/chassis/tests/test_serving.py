"""A service as a process: it starts in any order, says what is wrong, serves, heals, stops."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from typer.testing import CliRunner

from chassis.cli import command_line
from chassis.ids import new_id
from chassis.revisions import SchemaMismatch
from chassis.rpc import Peer
from chassis.service import PARTS, PartEnded, assemble, serve
from chassis.testing.databases import Databases
from sample.broker import Broker, own_broker
from sample.cluster import own_postgres
from sample.identity import Identity
from sample.lone_service import Environment, process, ran
from sample.notes import NOTES
from sample.waiting import until_true


@pytest.fixture
async def identity() -> AsyncIterator[Identity]:
    async with Identity().listening() as identity:
        yield identity


@pytest.fixture
def environment(databases: Databases, broker: Broker, identity: Identity) -> Environment:
    databases.migrated(NOTES)
    return environment_of(databases, broker.url, identity)


def environment_of(databases: Databases, nats_url: str, identity: Identity) -> Environment:
    return Environment(
        database_url=databases.url("sales", "app"),
        system_database_url=databases.url("sales", "system"),
        owner_database_url=databases.url("sales", "owner"),
        nats_url=nats_url,
        jwks_url=identity.url,
    )


@asynccontextmanager
async def serving(environment: Environment, *parts: str) -> AsyncIterator[asyncio.Task[None]]:
    """The service inside this process, stopped by the signal that stops a process."""
    task = asyncio.create_task(serve(NOTES, environment.settings, frozenset(parts) or PARTS))
    try:
        yield task
    finally:
        if not task.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait([task])


async def ready(environment: Environment, task: asyncio.Task[None] | None = None) -> bool:
    if task is not None and task.done():
        await task
    try:
        async with httpx2.AsyncClient(timeout=2) as client:
            return (await client.get(f"http://127.0.0.1:{environment.http}/readyz")).status_code == 200
    except httpx2.HTTPError:
        return False


async def is_unready(environment: Environment) -> bool:
    return not await ready(environment)


def client_of(environment: Environment, identity: Identity, **claims: Any) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {identity.token(**claims)}"}
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{environment.http}", headers=headers, timeout=10)


async def titles(client: httpx2.AsyncClient) -> dict[str, str]:
    return {note["title"]: note["state"] for note in (await client.get("/api/v1/notes")).json()["items"]}


async def has(client: httpx2.AsyncClient, title: str) -> bool:
    return title in await titles(client)


# ------------------------------------------------------------------------------------------ as a process


async def test_process_is_small_serves_drains_and_ends(environment: Environment, identity: Identity) -> None:
    began = time.monotonic()
    async with process(environment, "serve") as running:
        await until_true(running.is_ready, 30)
        await asyncio.sleep(0.5)
        megabytes = running.rss_megabytes
        print(f"ready in {time.monotonic() - began:.1f} s, idle {megabytes:.0f} MB")
        assert megabytes <= 150
        async with client_of(environment, identity) as client:
            slow = asyncio.create_task(client.get("/api/v1/slow"))
            await asyncio.sleep(0.3)
            ended = asyncio.create_task(running.end())
            assert (await slow).status_code == 200
        assert await ended == 0
    lines = [json.loads(line) for line in running.output.splitlines()]
    assert {"service.started", "service.stopping", "request"} <= {line["event"] for line in lines}
    assert not [line for line in lines if line["level"] == "error" and "parked" not in line["event"]]


async def test_killed_service_goes_on_where_it_was(environment: Environment, identity: Identity) -> None:
    org = str(new_id())
    async with process(environment, "serve", "--only", "http") as running:
        await until_true(running.is_ready, 30)
        async with client_of(environment, identity, org=org) as client:
            assert (await client.post("/api/v1/notes", json={"title": "Kept"})).status_code == 201
        await running.end(signal.SIGKILL)
    async with serving(environment), client_of(environment, identity, org=org) as client:
        await until_true(lambda: ready(environment), 20)
        await until_true(lambda: has(client, "Heard of Kept"), 20)


async def test_wrong_environment_is_one_message_for_all_of_it(environment: Environment) -> None:
    wrong = replace(environment, more={"SALES_NATS_URL": None, "SALES_LOG_LEVEL": "loud", "SALES_TYPO": "1"})
    code, output = await ran(wrong, "serve")
    assert code == 2
    assert output.splitlines()[0] == "sales cannot start, its environment is wrong:"
    assert [line.partition(":")[0] for line in output.splitlines()[1:]] == [
        "SALES_LOG_LEVEL",
        "SALES_NATS_URL",
        "SALES_TYPO",
    ]


async def test_taken_port_ends_the_process_with_one_message(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", environment.http)):
        code, output = await ran(environment, "serve")
    assert code == 2
    assert f"cannot listen on 127.0.0.1:{environment.http}: Address already in use" in output
    assert "Traceback" not in output


# ------------------------------------------------------------------------------------------ its parts


async def test_every_part_does_its_work(environment: Environment, identity: Identity) -> None:
    async with serving(environment) as task, client_of(environment, identity, org=str(new_id())) as client:
        await until_true(lambda: ready(environment, task), 20)
        assert (await client.post("/api/v1/notes", json={"title": "First"})).status_code == 201

        async def has_heard_and_sealed() -> bool:
            return await titles(client) == {"First": "SEALED", "Heard of First": "SEALED"}

        await until_true(has_heard_and_sealed, 20)  # relay, consumer and jobs
        metrics = (await client.get(f"http://127.0.0.1:{environment.metrics}/metrics")).text
        health = (await client.get("/ready")).json()
        bare = await client.head("/ready")
        assert (bare.status_code, bare.content) == (200, b"")
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        async with grpc.aio.insecure_channel(f"127.0.0.1:{environment.grpc}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    for name in (
        "execos_outbox_pending",
        "execos_outbox_oldest_seconds",
        'execos_consumer_lag{consumer="sales"}',
        'execos_parked_events{consumer="sales"}',
        'execos_job_runs_total{job="seal-old-notes",outcome="succeeded"}',
        "execos_rls_denials_total",
        "http_server_request_duration_seconds_bucket",
    ):
        assert name in metrics, name
    assert health["status"] == "degraded"
    assert {each["name"]: each["status"] for each in health["services"]} == {
        "sales": "healthy",
        "work": "down",
    }


async def test_platform_is_down_when_a_core_service_is(environment: Environment, identity: Identity) -> None:
    core = replace(environment, more={"EXECOS_CORE_SERVICES": "sales,work"})
    alone = replace(environment, more={"EXECOS_SERVICES": f"sales=http://127.0.0.1:{environment.http}"})
    for changed, status, word in ((core, 503, "down"), (alone, 200, "healthy")):
        async with serving(changed, "http") as task, client_of(changed, identity) as client:
            await until_true(lambda changed=changed, task=task: ready(changed, task), 20)  # type: ignore[misc]
            answer = await client.get("/ready")
            assert (answer.status_code, answer.json()["status"]) == (status, word)


async def test_peer_that_is_up_but_not_ready_is_down(environment: Environment, identity: Identity) -> None:
    platform = {"EXECOS_SERVICES": f"work={identity.url.partition('/.')[0]}", "EXECOS_CORE_SERVICES": ""}
    broken = replace(environment, more=platform)
    identity.status = 503
    async with serving(broken, "http"), client_of(broken, identity) as client:

        async def answers() -> bool:
            try:
                return (await client.get("/ready")).status_code == 200
            except httpx2.HTTPError:
                return False

        await until_true(answers, 20)
        (work,) = (await client.get("/ready")).json()["services"]
        assert (work["status"], work["detail"]) == ("down", "not ready")


async def test_database_and_broker_may_come_later(
    identity: Identity, capfd: pytest.CaptureFixture[str]
) -> None:
    with own_postgres() as postgres, own_broker() as broker:
        await postgres.start()
        databases = Databases(postgres.cluster)
        databases.migrated(NOTES)
        postgres.kill()
        environment = environment_of(databases, broker.url, identity)
        async with serving(environment) as task:
            await asyncio.sleep(0.5)
            assert "service.waits_for_database" in capfd.readouterr().out
            await postgres.start()
            await until_true(lambda: ready(environment, task), 20)
            async with client_of(environment, identity, org=str(new_id())) as client:
                assert (await client.post("/api/v1/notes", json={"title": "Early"})).status_code == 201
                await broker.start()
                await until_true(lambda: has(client, "Heard of Early"), 20)
                postgres.kill()
                await until_true(lambda: is_unready(environment))
                await postgres.start()
                await until_true(lambda: ready(environment))
                assert (await client.post("/api/v1/notes", json={"title": "Late"})).status_code == 201
                await until_true(lambda: has(client, "Heard of Late"), 20)


async def test_service_waiting_for_its_database_can_be_stopped(environment: Environment) -> None:
    away = replace(environment, database_url="postgresql://sales_app:test@127.0.0.1:1/sales")
    async with serving(away) as task:
        await asyncio.sleep(0.3)
        assert not task.done()
    assert task.exception() is None


async def test_service_without_keys_is_not_ready(environment: Environment, identity: Identity) -> None:
    identity.status = 500
    async with serving(environment, "http"), httpx2.AsyncClient() as client:

        async def problems() -> Any:
            try:
                return (await client.get(f"http://127.0.0.1:{environment.http}/readyz")).json()["problems"]
            except httpx2.HTTPError:
                return None

        await until_true(problems, 20)
        assert await problems() == ["signing keys are not loaded"]
        identity.status = 200
        await until_true(lambda: ready(environment))


@pytest.mark.parametrize("port", ["http", "grpc", "metrics"])
async def test_taken_port_is_named(environment: Environment, port: str) -> None:
    number = getattr(environment, port)
    with socket.create_server(("127.0.0.1", number)):
        async with serving(environment) as task:
            await asyncio.wait([task], timeout=20)
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{number}: Address already in use"):
        await task


async def test_part_that_ends_ends_the_service(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end_at_once(*_: Any) -> None:
        """What should never end."""

    monkeypatch.setattr("chassis.worker.run", end_at_once)
    before = asyncio.all_tasks()
    with pytest.raises(PartEnded):
        await serve(NOTES, environment.settings, frozenset({"jobs"}))
    assert asyncio.all_tasks() <= before


# ------------------------------------------------------------------------------------------ commands


async def command(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str]:
    """The exit code and the output of a command in this process, on a thread and a loop of its own."""
    for name in [name for name in os.environ if name.startswith(("SALES_", "EXECOS_"))]:
        monkeypatch.delenv(name)
    for name, value in environment.variables.items():
        monkeypatch.setenv(name, value)
    result = await asyncio.to_thread(CliRunner().invoke, command_line(NOTES), list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


async def test_migrate_makes_the_schema_and_serve_refuses_another(
    environment: Environment, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.cluster.ensure_database("sales", name="sales_new")
    urls = {kind: databases.cluster.url(f"sales_{kind}", "sales_new") for kind in ("app", "system", "owner")}
    fresh = replace(
        environment,
        database_url=urls["app"],
        system_database_url=urls["system"],
        owner_database_url=urls["owner"],
    )
    with pytest.raises(
        SchemaMismatch, match="is at nothing, this code needs 0001: run `python -m sales migrate`"
    ):
        await serve(NOTES, fresh.settings)
    for _ in range(2):
        code, output = await command(fresh, monkeypatch, "migrate")
        assert (code, output.strip().splitlines()[-1]) == (0, "sales is at revision 0001")


async def test_migrate_says_what_is_wrong(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = replace(environment, more={"SALES_OWNER_DATABASE_URL": None})
    assert await command(missing, monkeypatch, "migrate") == (
        2,
        "sales cannot migrate: SALES_OWNER_DATABASE_URL: missing\n",
    )
    unreadable = replace(environment, more={"SALES_OWNER_DATABASE_URL_FILE": "/nowhere"})
    code, output = await command(unreadable, monkeypatch, "migrate")
    assert (code, "SALES_OWNER_DATABASE_URL_FILE: cannot read the file" in output) == (2, True)
    monkeypatch.setattr("chassis.migrations.ATTEMPTS", 1)
    (tmp_path / "url").write_text("postgresql://sales_owner:test@127.0.0.1:1/sales\n")
    away = replace(environment, more={"SALES_OWNER_DATABASE_URL_FILE": str(tmp_path / "url")})
    code, output = await command(away, monkeypatch, "migrate")
    assert (code, "Connection refused" in output) == (2, True)


async def test_operators_commands(
    environment: Environment, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = str(new_id())

    async def parked() -> dict[str, Any] | None:
        code, output = await command(environment, monkeypatch, "parked")
        assert code == 0
        entries = [json.loads(line) for line in output.splitlines()]
        return next((entry for entry in entries if entry.get("org_id") == org), None)

    async with serving(environment), client_of(environment, identity, org=org) as client:
        await until_true(lambda: ready(environment), 20)
        assert (await client.post("/api/v1/notes", json={"title": "refuse"})).status_code == 201
        await until_true(parked, 20)
    entry = await parked()
    assert entry
    assert entry["reason"] == "CONFLICT: not this one"
    code, output = await command(environment, monkeypatch, "replay", entry["event_id"])
    assert (code, "not this one" in output) == (2, True)
    code, output = await command(environment, monkeypatch, "replay", str(new_id()))
    assert (code, "no parked fact" in output) == (2, True)
    for since in ("2099-01-01T00:00:00+01:00", "2026-01-01T10:00:00Z", "2026-01-01"):
        code, output = await command(environment, monkeypatch, "redrive", "--since", since)
        assert (code, "facts will be published again" in output) == (0, True)
        assert output.startswith("0 facts") is not since.startswith("2026-01-01T")
    code, output = await command(environment, monkeypatch, "redrive", "--since", "yesterday")
    assert (code, "--since" in output) == (2, True)
    code, output = await command(environment, monkeypatch, "count-notes")
    assert (code, "notes in all" in output) == (0, True)
    code, _ = await command(environment, monkeypatch, "openapi", str(tmp_path / "openapi.json"))
    assert (code, json.loads((tmp_path / "openapi.json").read_text())["info"]["title"]) == (0, "Notes")
    code, output = await command(environment, monkeypatch, "serve", "--only", "http,magic")
    assert (code, output.strip()) == (2, "unknown parts: magic; there are consumers, grpc, http, jobs, relay")


def park(databases: Databases, event: UUID, org: UUID, name: str) -> None:
    """Put a fact aside about a company of that name."""
    headers = {
        "ce-type": "sales.company.created.v1",
        "ce-id": str(event),
        "ce-subject": str(new_id()),
        "ce-time": "2026-01-01T00:00:00+00:00",
        "org-id": str(org),
        "aggregate-version": "1",
    }
    with databases.cluster.connect("sales") as superuser:
        superuser.execute(
            "INSERT INTO parked_event VALUES (%s, 'sales', %s, 'sales.company.created.v1', %s, %s, 'why', 1, now())",
            (org, event, json.dumps({"company": {"name": name}}), json.dumps(headers)),
        )


async def test_parked_fact_that_was_mended_is_replayed(
    environment: Environment, identity: Identity, monkeypatch: pytest.MonkeyPatch, databases: Databases
) -> None:
    event, org = new_id(), new_id()
    park(databases, event, org, "mended")
    assert await command(environment, monkeypatch, "replay", str(event)) == (0, f"{event} handled\n")
    async with serving(environment, "http"), client_of(environment, identity, org=str(org)) as client:
        await until_true(lambda: ready(environment), 20)
        assert await has(client, "Heard of mended")


async def test_parked_fact_that_fails_again_stays_and_is_told_in_a_line(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, databases: Databases
) -> None:
    event = new_id()
    park(databases, event, new_id(), "crash")
    refused = f"{event} was refused again and stays parked: RuntimeError('a bug')\n"
    for _ in range(2):
        assert await command(environment, monkeypatch, "replay", str(event)) == (2, refused)


async def test_peers_of_a_service_are_closed_with_it(environment: Environment) -> None:
    made: list[Peer] = []

    def peers(_settings: Any, peer: Any) -> dict[type, Any]:
        made.append(peer("identity", "127.0.0.1:1"))
        return {Peer: made[0]}

    async with assemble(replace(NOTES, peers=peers), environment.settings) as running:
        assert running.runtime.part(Peer) is made[0]
    call: Any = made[0].channel.unary_unary("/x/Y")
    with pytest.raises(Exception, match="closed"):
        await call(b"")
