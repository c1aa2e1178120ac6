"""Transactions: committed before the answer, begun when needed, bound to one organisation, clean afterwards."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx2
import psycopg
import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import ProgrammingError

from chassis.auth import system_actor
from chassis.database import Database
from chassis.errors import Conflict, NotFound
from chassis.ids import new_id
from chassis.metrics import rls_denials
from chassis.queries import Lookup
from chassis.rows import activity, idempotency, outbox
from chassis.testing.databases import Databases
from chassis.testing.stand import Stand
from chassis.tx import Tx
from sample.cluster import own_postgres
from sample.notes import NOTES, Note

SLEEP = Lookup(select(func.pg_sleep(30)))
ONE = Lookup(select(text("1 AS one")))


async def stored(stand: Stand) -> dict[str, int]:
    """How many rows of each kind the organisation has."""
    async with stand.runtime.system.session(None, read_only=True) as session:
        return {
            str(table): await session.scalar(
                select(func.count()).select_from(table).where(table.c.org_id == stand.org_id)
            )
            or 0
            for table in (Note.__table__, activity, outbox, idempotency)
        }


NOTHING = {"note": 0, "activity": 0, "outbox": 0, "idempotency": 0}


def watched(stand: Stand, on_answer: Callable[[], None]) -> httpx2.AsyncClient:
    """A client of an app that calls `on_answer` the moment the answer leaves."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def send_watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                on_answer()
            await send(message)

        await stand.app(scope, receive, send_watched)

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {stand.token()}"}
    return httpx2.AsyncClient(transport=transport, base_url="http://service.test", headers=headers)


async def test_nobody_overtakes_who_waits_for_a_connection(notes: Stand, databases: Databases) -> None:
    database = Database(databases.url("sales", "app"), application="one", size=1, overflow=0)
    served: list[str] = []

    async def use(name: str) -> None:
        opened = await database.begin(notes.org_id)
        served.append(name)
        await opened.close()

    first = await database.begin(notes.org_id)
    waiter = asyncio.create_task(use("waiter"))
    await asyncio.sleep(0.01)
    await first.driver.commit()
    await first.close()  # at once, with nothing to wait for
    await use("latecomer")
    await waiter
    assert served == ["waiter", "latecomer"]
    await database.dispose()


# ------------------------------------------------------------------------------------------ the order of things


async def test_success_is_answered_after_the_commit(notes: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def noted(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await method(*args, **kwargs)
            happened.append(name)
            return result

        return call

    await notes.runtime.source.database.ping()  # a new connection says more
    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted("statement", psycopg.AsyncCursor.execute))
    monkeypatch.setattr(psycopg.AsyncConnection, "commit", noted("commit", psycopg.AsyncConnection.commit))
    async with watched(notes, lambda: happened.append("answer")) as client:
        assert (await client.post("/api/v1/notes", json={"title": "Ordered"})).status_code == 201
    begin_row_and_ledger = ["statement"] * 3
    assert happened == [*begin_row_and_ledger, "commit", "answer"]


async def test_what_was_answered_is_visible_to_everybody_at_once(notes: Stand) -> None:
    seen: list[int] = []

    def look() -> None:
        url = str(notes.runtime.system.engine.url.render_as_string(hide_password=False)).replace(
            "+psycopg", ""
        )
        with psycopg.connect(url) as other:
            row = other.execute("SELECT count(*) FROM note WHERE org_id = %s", (notes.org_id,)).fetchone()
            seen.append(row[0] if row else -1)

    async with watched(notes, look) as client:
        await client.post("/api/v1/notes", json={"title": "Visible"})
    assert seen == [1]


@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        ("40001", 503, "SERVICE_UNAVAILABLE"),
        ("40P01", 503, "SERVICE_UNAVAILABLE"),
        ("XX000", 500, "INTERNAL_SERVER_ERROR"),
    ],
)
async def test_commit_that_fails_is_an_error_answer_and_leaves_nothing(
    notes: Stand, code: str, status: int, name: str
) -> None:
    async with notes.client() as client:
        answer = await client.post(
            "/api/v1/notes", json={"title": f"fail {code}"}, headers={"idempotency-key": "k"}
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, name)
    assert "as wished" not in answer.text
    assert "etag" not in answer.headers
    assert await stored(notes) == NOTHING


async def test_refusal_after_writing_leaves_nothing(notes: Stand) -> None:
    async with notes.client() as client:
        assert (await client.post("/api/v1/notes", json={"title": "Taken"})).status_code == 201
        before = await stored(notes)
        answer = await client.post("/api/v1/notes", json={"title": "Taken"}, headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "TITLE_TAKEN")
    assert await stored(notes) == before


async def test_facts_are_announced_only_after_their_commit(notes: Stand) -> None:
    announced: list[int] = []
    source = replace(notes.runtime.source, on_facts=lambda: announced.append(1))
    app = NOTES.app(replace(notes.runtime, source=source))
    async with watched(replace(notes, app=app), lambda: None) as client:
        await client.post("/api/v1/notes", json={"title": "fail 40001"})
        assert announced == []
        await client.post("/api/v1/notes", json={"title": "Announced"})
        await client.get("/api/v1/notes")
    assert announced == [1]


# ------------------------------------------------------------------------------------------ laziness and cost


async def test_request_that_needs_no_database_takes_no_connection(notes: Stand) -> None:
    taken: list[int] = []
    event.listen(notes.runtime.source.database.engine.sync_engine, "checkout", lambda *_: taken.append(1))
    async with notes.client() as client, notes.client("nothing:read") as stranger:
        answer = await client.get("/api/v1/me")
        assert answer.headers["server-timing"] == "db;desc=0"
        assert (await client.post("/api/v1/notes", json={})).status_code == 400
        assert (await client.get("/api/v1/notes/nonsense")).status_code == 400
        assert (await client.post("/api/v1/notes", content=b"{")).status_code in {400, 415}
        assert taken == []
        assert (await stranger.get("/api/v1/notes")).status_code == 403
        assert taken == [1], "the denial, in its own small transaction"


async def test_transaction_that_is_never_used_never_begins(notes: Stand) -> None:
    taken: list[int] = []
    event.listen(notes.runtime.source.database.engine.sync_engine, "checkout", lambda *_: taken.append(1))
    async with Tx(notes.runtime.source, system_actor(notes.org_id)):
        pass
    async with notes.runtime.source.reading(system_actor(notes.org_id)):
        pass
    assert taken == []


async def test_begin_and_tenant_are_one_round_trip(notes: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    cursor_execute = psycopg.AsyncCursor.execute

    async def execute(self: Any, query: Any, *more: Any, **options: Any) -> Any:
        sent.append(str(query))
        return await cursor_execute(self, query, *more, **options)

    async with notes.runtime.source.reading(system_actor(notes.org_id)) as reading:
        await reading.rows(ONE)  # the first connection asks the server what it is
    monkeypatch.setattr(psycopg.AsyncCursor, "execute", execute)
    async with notes.runtime.source.reading(system_actor(notes.org_id)) as reading:
        await reading.rows(ONE)
    assert sent[0] == f"BEGIN READ ONLY; SET LOCAL app.org_id = '{notes.org_id}'"
    assert len(sent) == 2
    sent.clear()
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        await tx.session.execute(text("SELECT 1"))
    assert sent[0] == f"BEGIN; SET LOCAL app.org_id = '{notes.org_id}'"
    assert len(sent) == 2


async def test_statements_of_a_request_are_told_and_do_not_grow_with_the_page(notes: Stand) -> None:
    async with notes.client() as client:
        for number in range(5):
            created = await client.post(
                "/api/v1/notes", json={"title": f"{number}"}, headers={"idempotency-key": f"{number}"}
            )
            assert created.headers["server-timing"] == "db;desc=3", "claim, note, and the ledger in one"
        for size in (1, 5, 100):
            page = await client.get("/api/v1/notes", params={"pageSize": size})
            assert page.headers["server-timing"] == "db;desc=1"
        newest = (await client.get("/api/v1/notes")).json()["items"][0]
        path = f"/api/v1/notes/{newest['id']}"
        assert (await client.get(path)).headers["server-timing"] == "db;desc=1"
        assert (await client.patch(path, json={"title": "New"})).headers["server-timing"] == "db;desc=3"
        assert (await client.patch(path, json={"title": "New"})).headers["server-timing"] == "db;desc=1"


# ------------------------------------------------------------------------------------------ the tenant


async def test_without_a_tenant_there_are_no_rows(notes: Stand) -> None:
    async with notes.client() as client:
        await client.post("/api/v1/notes", json={"title": "Hidden"})
    async with notes.runtime.source.database.session(None) as session:
        for table in (Note.__table__, activity, outbox):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
    async with notes.runtime.source.database.session(new_id()) as session:
        assert await session.scalar(select(func.count()).select_from(Note)) == 0
    async with notes.runtime.source.database.session(notes.org_id) as session:
        assert await session.scalar(select(func.count()).select_from(Note)) == 1


async def test_row_of_another_tenant_cannot_be_written_and_the_attempt_is_counted(notes: Stand) -> None:
    before = rls_denials._value.get()
    now = notes.clock.now
    foreign = {"org_id": new_id(), "id": new_id(), "version": 1, "created_at": now, "updated_at": now}
    async with notes.runtime.source.database.session(notes.org_id) as session:
        with pytest.raises(ProgrammingError, match="row-level security"):
            await session.execute(insert(Note).values(title="foreign", state="OPEN", **foreign))

    async with notes.client() as client:
        answer = await client.post("/api/v1/notes/trespass")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert rls_denials._value.get() == before + 1


async def test_returned_connection_carries_no_tenant(notes: Stand, databases: Databases) -> None:
    database = Database(databases.url("sales", "app"), application="one", size=1, overflow=0)
    source = replace(notes.runtime.source, database=database)
    tenant = Lookup(select(func.current_setting("app.org_id", True).label("org_id")))
    async with source.reading(system_actor(notes.org_id)) as reading:
        assert (await reading.rows(tenant))[0].org_id == str(notes.org_id)
    async with source.tx(system_actor(notes.org_id)) as tx:
        assert (await tx.rows(tenant))[0].org_id == str(notes.org_id)
    async with database.engine.connect() as connection:
        assert await connection.scalar(text("SELECT current_setting('app.org_id', true)")) in {None, ""}
        assert await connection.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None
    async with database.session(None) as session:
        assert await session.scalar(select(func.count()).select_from(Note)) == 0
    await database.dispose()


# ------------------------------------------------------------------------------------------ interruptions


def one_connection(notes: Stand, databases: Databases) -> Database:
    return Database(databases.url("sales", "app"), application=f"one-{notes.org_id}", size=1, overflow=0)


async def in_transaction(notes: Stand, databases: Databases) -> int:
    with databases.cluster.connect("sales") as superuser:
        row = superuser.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND state <> 'idle'",
            (f"one-{notes.org_id}"[:63],),
        ).fetchone()
    return int(row[0]) if row else -1


@pytest.mark.parametrize("kind", ["reading", "tx", "session"])
async def test_cancelled_work_returns_a_clean_connection(
    notes: Stand, databases: Databases, kind: str
) -> None:
    database = one_connection(notes, databases)
    source = replace(notes.runtime.source, database=database)
    actor = system_actor(notes.org_id)

    async def work() -> None:
        if kind == "reading":
            async with source.reading(actor) as reading:
                await reading.rows(SLEEP)
        elif kind == "tx":
            async with source.tx(actor) as tx:
                await tx.rows(SLEEP)
        else:
            async with source.tx(actor) as tx:
                await tx.session.execute(text("SELECT pg_sleep(30)"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await in_transaction(notes, databases) == 0
    async with source.tx(actor) as tx:
        assert await tx.session.scalar(text("SELECT 1")) == 1
    async with source.reading(actor) as reading:
        assert (await reading.rows(ONE))[0].one == 1
    await database.dispose()


async def test_refusal_inside_a_reading_keeps_its_connection(notes: Stand, databases: Databases) -> None:
    database = one_connection(notes, databases)
    source = replace(notes.runtime.source, database=database)
    made: list[int] = []
    event.listen(database.engine.sync_engine, "connect", lambda *_: made.append(1))
    for _ in range(3):
        with contextlib.suppress(NotFound):
            async with source.reading(system_actor(notes.org_id)) as reading:
                await reading.rows(ONE)
                raise NotFound("as usual")
        with contextlib.suppress(Conflict):
            async with source.tx(system_actor(notes.org_id)) as tx:
                await tx.rows(ONE)
                raise Conflict("as usual")
    assert made == [1]
    assert await in_transaction(notes, databases) == 0
    await database.dispose()


async def test_statement_that_fails_inside_a_reading_leaves_the_connection_usable(
    notes: Stand, databases: Databases
) -> None:
    database = one_connection(notes, databases)
    source = replace(notes.runtime.source, database=database)
    broken = Lookup(select(text("1 / 0 AS nothing")))
    with pytest.raises(psycopg.DataError):
        async with source.reading(system_actor(notes.org_id)) as reading:
            await reading.rows(broken)
    async with source.reading(system_actor(notes.org_id)) as reading:
        assert (await reading.rows(ONE))[0].one == 1
    await database.dispose()


async def test_reading_cannot_write(notes: Stand) -> None:
    async with notes.runtime.source.reading(system_actor(notes.org_id)) as reading:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await reading.rows(Lookup(select(func.nextval(func.pg_get_serial_sequence("outbox", "id")))))


# ------------------------------------------------------------------------------------------ a database in trouble


async def test_exhausted_pool_answers_503_after_two_seconds(notes: Stand, databases: Databases) -> None:
    database = one_connection(notes, databases)
    runtime = replace(notes.runtime, source=replace(notes.runtime.source, database=database))
    stand = replace(notes, app=NOTES.app(runtime))
    async with database.engine.connect(), watched(stand, lambda: None) as client:
        for method, body in (("GET", None), ("POST", {"title": "x"})):
            began = time.monotonic()
            answer = await client.request(method, "/api/v1/notes", json=body)
            assert 1.5 < time.monotonic() - began < 3
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
    async with watched(stand, lambda: None) as client:
        assert (await client.get("/api/v1/notes")).status_code == 200
    await database.dispose()


async def test_waiting_for_a_lock_ends_in_503(notes: Stand) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "Locked"})).json()
        async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
            await tx.session.execute(select(Note).where(Note.id == note["id"]).with_for_update())
            began = time.monotonic()
            answer = await client.post(f"/api/v1/notes/{note['id']}/seal")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert time.monotonic() - began < 4


async def test_connections_that_were_cut_cost_at_most_one_refusal(notes: Stand, databases: Databases) -> None:
    async with notes.client() as client:
        await asyncio.gather(*(client.get("/api/v1/notes") for _ in range(8)))
        with databases.cluster.connect("sales") as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sales_app'"
            )
        first = await client.get("/api/v1/notes")
        assert first.status_code in {200, 503}
        assert (await client.get("/api/v1/notes")).status_code == 200
        with databases.cluster.connect("sales") as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sales_app'"
            )
        first = await client.post("/api/v1/notes", json={"title": "First"})
        assert first.status_code in {201, 503}
        assert (await client.post("/api/v1/notes", json={"title": "Second"})).status_code == 201


async def test_database_that_is_down_is_503_until_it_is_back() -> None:
    with own_postgres() as postgres:
        await postgres.start()
        databases = Databases(postgres.cluster)
        databases.migrated(NOTES)
        async with Stand.of(NOTES, databases, {}, {}) as stand, stand.client() as client:
            assert (await client.post("/api/v1/notes", json={"title": "Before"})).status_code == 201
            postgres.kill()
            for _ in range(3):
                began = time.monotonic()
                answers = await asyncio.gather(
                    client.get("/api/v1/notes"), client.post("/api/v1/notes", json={"title": "Down"})
                )
                assert [answer.status_code for answer in answers] == [503, 503], [a.text for a in answers]
                assert all(answer.headers["retry-after"] == "1" for answer in answers)
                assert time.monotonic() - began < 5
                assert (await client.get("/readyz")).status_code == 503
            await postgres.start()
            answer = await client.get("/api/v1/notes")
            assert answer.status_code == 200, answer.text
            assert [each["title"] for each in answer.json()["items"]] == ["Before"]
            assert (await client.post("/api/v1/notes", json={"title": "After"})).status_code == 201
            assert (await client.get("/readyz")).status_code == 200


async def test_connections_cut_under_load_are_never_a_bug(notes: Stand, databases: Databases) -> None:
    statuses: list[int] = []
    stop = asyncio.Event()

    async def ask(client: httpx2.AsyncClient, number: int) -> None:
        while not stop.is_set():
            answer = (
                await client.get("/api/v1/notes")
                if number % 2
                else await client.post("/api/v1/notes", json={"title": str(new_id())})
            )
            statuses.append(answer.status_code)

    async with notes.client() as client:
        asking = [asyncio.create_task(ask(client, number)) for number in range(12)]
        for _ in range(8):
            await asyncio.sleep(0.15)
            with databases.cluster.connect("sales") as superuser:
                superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sales_app'"
                )
        await asyncio.sleep(0.15)
        stop.set()
        await asyncio.gather(*asking)
    assert set(statuses) <= {200, 201, 503}
    assert statuses.count(503) <= 8 * 12
    assert statuses.count(201) > 0
