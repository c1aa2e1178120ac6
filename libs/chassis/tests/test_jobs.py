"""Jobs: deferred with the transaction or not at all, run once a slot, retried, rescued, told to people."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, text

from chassis import worker
from chassis.auth import system_actor
from chassis.database import Database
from chassis.errors import Conflict, NotFound, Unavailable
from chassis.ids import new_id
from chassis.job_runs import overview, start
from chassis.jobs import Jobs, reason_of, retry_delay
from chassis.metrics import job_runs
from chassis.rows import job_run
from chassis.runtime import Runtime
from chassis.testing.databases import Databases
from chassis.testing.plugin import Start
from chassis.testing.stand import Stand
from chassis.tx import Tx
from local.ports import free_port
from sample.notes import NOTES, seal_old_notes
from sample.waiting import running, until

SLOT = datetime(2026, 3, 1, 2, tzinfo=UTC)


class Ledger:
    """What the jobs of a test did, and what they are to raise first."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failures: list[BaseException] = []
        self.delay = 0.0

    async def note(self, *call: Any) -> None:
        self.calls.append(call)
        await asyncio.sleep(self.delay)
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def stand(start: Start, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """The sample service with jobs of this test's own organisation and names that no other test uses."""
    monkeypatch.setattr(worker, "CATCH_UP_SECONDS", 0)
    mine: list[UUID] = []

    async def organisations(_runtime: Runtime) -> list[UUID]:
        return mine

    suffix = new_id().hex[-8:]
    jobs = Jobs("sales", organisations)

    @jobs.periodic(
        f"nightly-{suffix}",
        cron="0 2 * * *",
        test_cron="* * * * * *",
        description="Notes every organisation.",
        retry_seconds=(0.05, 0.05),
    )
    async def nightly(_runtime: Runtime, org_id: UUID, slot: datetime) -> None:
        await ledger.note("nightly", org_id, slot)

    @jobs.periodic(
        f"sweep-{suffix}", cron="*/5 * * * *", test_cron="* * * * * *", description="Once.", scope="service"
    )
    async def sweep(_runtime: Runtime, slot: datetime) -> None:
        await ledger.note("sweep", slot)

    @jobs.task(f"mail-{suffix}", retry_seconds=(0.05, 0.05), test_retry_seconds=(0.05, 0.05))
    async def mail(_runtime: Runtime, org_id: UUID, to: str) -> None:
        await ledger.note("mail", org_id, to)

    @jobs.task(f"index-{suffix}", lock="indexing")
    async def index(_runtime: Runtime, org_id: UUID) -> None:
        await ledger.note("begun", org_id)
        ledger.calls.append(("ended", org_id))

    stand = await start(replace(NOTES, jobs=jobs))
    mine.append(stand.org_id)
    return stand


def named(stand: Stand, prefix: str) -> str:
    """The full name that a job of this test has."""
    assert stand.service.jobs is not None
    return next(
        name for name in (*stand.service.jobs.periodics, *stand.service.jobs.tasks) if name.startswith(prefix)
    )


def working(stand: Stand, profile: Any = "default") -> AbstractAsyncContextManager[None]:
    """A worker, as `serve` runs it."""
    assert stand.service.jobs is not None
    return running(worker.run(stand.runtime, stand.service.jobs, profile))


async def runs(stand: Stand) -> list[Any]:
    async with stand.runtime.source.database.session(stand.org_id, read_only=True) as session:
        mine = select(job_run).where(job_run.c.org_id == stand.org_id).order_by(job_run.c.queued_at)
        return list((await session.execute(mine)).all())


async def queued_calls(stand: Stand) -> list[str]:
    wanted = text(
        "SELECT status FROM procrastinate.procrastinate_jobs WHERE args->>'org_id' = :org ORDER BY id"
    )
    async with stand.runtime.system.session(None) as session:
        return list(await session.scalars(wanted, {"org": str(stand.org_id)}))


async def defer_mail(stand: Stand, **options: Any) -> None:
    assert stand.service.jobs is not None
    async with stand.runtime.source.tx(system_actor(stand.org_id)) as tx:
        await stand.service.jobs.defer(tx, named(stand, "mail"), to="someone", **options)


# ------------------------------------------------------------------------------------------ deferring


async def test_deferred_call_commits_with_its_transaction_and_runs_once(stand: Stand, ledger: Ledger) -> None:
    async with working(stand):
        await defer_mail(stand)
        await until(lambda: ledger.calls)
        await asyncio.sleep(1.2)
    assert ledger.calls == [("mail", stand.org_id, "someone")]
    assert await queued_calls(stand) == []


async def test_call_deferred_in_a_transaction_that_fails_is_gone(stand: Stand) -> None:
    assert stand.service.jobs is not None
    async with Tx(stand.runtime.source, system_actor(stand.org_id)) as tx:
        await stand.service.jobs.defer(tx, named(stand, "mail"), to="someone")
    assert await queued_calls(stand) == []


async def test_call_of_a_command_is_deferred_with_its_answer(notes: Stand) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "Original"})).json()
        answer = await client.post(f"/api/v1/notes/{note['id']}/copy")
        assert answer.status_code == 200, answer.text
        assert await notes.run_deferred() == ["copy-note"]
        titles = {each["title"] for each in (await client.get("/api/v1/notes")).json()["items"]}
    assert titles == {"Original", "Copy of Original"}


async def test_call_deferred_for_later_waits(stand: Stand, ledger: Ledger) -> None:
    await defer_mail(stand, run_at=datetime.now(UTC) + timedelta(hours=1))
    async with working(stand):
        await asyncio.sleep(0.5)
    assert ledger.calls == []
    assert await queued_calls(stand) == ["todo"]


async def test_calls_with_the_same_lock_wait_for_each_other_within_an_organisation(
    stand: Stand, ledger: Ledger
) -> None:
    assert stand.service.jobs is not None
    ledger.delay, other = 0.3, new_id()
    for org_id in (stand.org_id, stand.org_id, other):
        async with stand.runtime.source.tx(system_actor(org_id)) as tx:
            await stand.service.jobs.defer(tx, named(stand, "index"))
    async with working(stand):
        await until(lambda: len(ledger.calls) == 6)
    steps = [step for step, org_id in ledger.calls if org_id == stand.org_id]
    assert steps == ["begun", "ended", "begun", "ended"]
    assert ledger.calls.index(("begun", other)) < ledger.calls.index(("ended", stand.org_id))


async def test_unknown_task_and_taken_name_are_refused_at_once(stand: Stand) -> None:
    jobs = Jobs("sales")
    jobs.task("twice")(seal_old_notes)
    with pytest.raises(ValueError, match="taken"):
        jobs.task("twice")
    with pytest.raises(ValueError, match="nobody lists"):
        jobs.periodic("lonely", cron="* * * * *", test_cron="* * * * * *", description="")
    with pytest.raises(KeyError):
        async with stand.runtime.source.tx(system_actor(stand.org_id)) as tx:
            await jobs.defer(tx, "unknown")


async def test_database_that_refuses_a_deferred_call_says_so_as_for_any_statement(stand: Stand) -> None:
    assert stand.service.jobs is not None
    async with Tx(stand.runtime.source, system_actor(stand.org_id)) as tx:
        await tx.session.execute(text("SET LOCAL search_path TO public"))
        with pytest.raises(Exception, match="does not exist") as refused:
            await stand.service.jobs.defer(tx, named(stand, "mail"), to="someone")
        assert type(refused.value).__module__.startswith("psycopg")


# ------------------------------------------------------------------------------------------ failing


async def test_failing_call_is_tried_again(stand: Stand, ledger: Ledger) -> None:
    ledger.failures = [RuntimeError("a bug"), Unavailable("the mail server is away")]
    async with working(stand):
        await defer_mail(stand)
        await until(lambda: len(ledger.calls) == 3)
        await asyncio.sleep(0.3)
    assert await queued_calls(stand) == []


async def test_call_that_keeps_failing_is_kept_as_failed_and_counted(stand: Stand, ledger: Ledger) -> None:
    name = named(stand, "mail")
    ledger.failures = [RuntimeError("a bug") for _ in range(9)]
    async with working(stand):
        await defer_mail(stand)
        await until(lambda: len(ledger.calls) == 3)
        await asyncio.sleep(1.5)
    assert len(ledger.calls) == 3
    assert await queued_calls(stand) == ["failed"]
    assert job_runs.labels(name, "retried")._value.get() == 2
    assert job_runs.labels(name, "failed")._value.get() == 1


async def test_refused_call_is_not_tried_again(stand: Stand, ledger: Ledger) -> None:
    ledger.failures = [Conflict("no such address")]
    async with working(stand):
        await defer_mail(stand)
        await until(lambda: ledger.calls)
        await asyncio.sleep(1.5)
    assert len(ledger.calls) == 1


def test_what_is_tried_again_and_when() -> None:
    delays = (1.0, 5.0)
    assert retry_delay(RuntimeError(), 0, delays) == timedelta(seconds=1)
    assert retry_delay(RuntimeError(), 1, delays) == timedelta(seconds=5)
    assert retry_delay(RuntimeError(), 2, delays) is None
    assert retry_delay(Conflict("no"), 0, delays) is None
    assert retry_delay(Unavailable("away"), 99, delays) == timedelta(seconds=5)
    assert retry_delay(Unavailable("away"), 0, ()) == timedelta(0)
    assert retry_delay(asyncio.CancelledError(), 99, delays) == timedelta(0)


def test_reason_of_a_bug_is_only_its_kind() -> None:
    assert reason_of(RuntimeError("password=hunter2")) == "RuntimeError"
    assert reason_of(Conflict("No such address.")) == "CONFLICT: No such address."


async def test_call_interrupted_by_a_stop_goes_on_in_the_next_worker(
    stand: Stand, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_SECONDS", 0.1)
    ledger.delay = 30
    async with working(stand):
        await defer_mail(stand)
        await until(lambda: ledger.calls)
    ledger.delay = 0
    async with working(stand):
        await until(lambda: len(ledger.calls) == 2)
        await asyncio.sleep(0.2)
    assert await queued_calls(stand) == []


async def test_call_of_a_worker_that_was_killed_is_rescued(
    stand: Stand, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(worker, "STALLED_SECONDS", 0.5)
    await defer_mail(stand)
    async with stand.runtime.system.session(
        None
    ) as session:  # what a process killed in the middle leaves behind
        dead = await session.scalar(text("SELECT * FROM procrastinate.procrastinate_register_worker_v1()"))
        taken = text(
            "UPDATE procrastinate.procrastinate_jobs SET status = 'doing', worker_id = :dead"
            " WHERE args->>'org_id' = :org"
        )
        await session.execute(taken, {"dead": dead, "org": str(stand.org_id)})
        await session.commit()
    async with working(stand):
        await until(lambda: ledger.calls)
        await asyncio.sleep(1.5)
    assert len(ledger.calls) == 1


async def test_worker_goes_on_when_its_connections_were_cut(
    stand: Stand, ledger: Ledger, databases: Databases
) -> None:
    async with working(stand):
        await defer_mail(stand)
        await until(lambda: len(ledger.calls) == 1)
        with databases.cluster.connect("sales") as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sales_system'"
            )
        await asyncio.sleep(0.1)
        ledger.calls.clear()
        async with stand.runtime.source.tx(system_actor(stand.org_id)) as tx:
            assert stand.service.jobs is not None
            await stand.service.jobs.defer(tx, named(stand, "mail"), to="again")
        await until(lambda: ledger.calls)


async def test_database_that_is_away_is_told_to_the_worker_in_the_words_it_pauses_for() -> None:
    database = Database(f"postgresql://nobody:x@127.0.0.1:{free_port()}/none", application="away")
    with pytest.raises(psycopg.OperationalError, match="Connection refused"):
        async with worker._Pool(database).connection():
            pass
    await database.dispose()


# ------------------------------------------------------------------------------------------ by the clock


async def test_slot_runs_once_for_each_organisation_however_many_workers_there_are(
    stand: Stand, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CATCH_UP_SECONDS", 60)
    async with working(stand, "test"), working(stand, "test"):
        await until(lambda: len([call for call in ledger.calls if call[0] == "nightly"]) >= 3)
    nightly = [call for call in ledger.calls if call[0] == "nightly"]
    sweeps = [call for call in ledger.calls if call[0] == "sweep"]
    assert len(nightly) == len(set(nightly))
    assert {call[1] for call in nightly} == {stand.org_id}
    assert len(sweeps) == len(set(sweeps)) >= 2
    done = [run for run in await runs(stand) if run.status == "succeeded"]
    assert len(done) >= 3
    assert all(run.started_at and run.finished_at and run.attempts == 1 for run in done)


async def test_slot_that_was_fanned_out_before_queues_nothing_again(stand: Stand, ledger: Ledger) -> None:
    assert stand.service.jobs is not None
    job = stand.service.jobs.periodics[named(stand, "nightly")]
    await worker.fan_out(stand.runtime, stand.service.jobs, job, SLOT)
    await worker.fan_out(stand.runtime, stand.service.jobs, job, SLOT)
    assert await queued_calls(stand) == ["todo"]
    await stand.run_deferred()
    await worker.fan_out(stand.runtime, stand.service.jobs, job, SLOT)
    assert await queued_calls(stand) == []
    assert ledger.calls == [("nightly", stand.org_id, SLOT)]


async def test_failed_run_tells_the_organisation_why(stand: Stand, ledger: Ledger) -> None:
    ledger.failures = [RuntimeError("password=hunter2"), Conflict("Nothing to compute.")]
    assert stand.service.jobs is not None
    job = stand.service.jobs.periodics[named(stand, "nightly")]
    async with working(stand):
        await worker.fan_out(stand.runtime, stand.service.jobs, job, SLOT)
        await until(lambda: len(ledger.calls) == 2)
        await asyncio.sleep(0.3)
    (run,) = await runs(stand)
    assert (run.status, run.attempts, run.error) == ("failed", 2, "CONFLICT: Nothing to compute.")
    assert run.finished_at


async def test_run_that_waits_for_its_next_attempt_is_queued_with_the_reason(
    stand: Stand, ledger: Ledger
) -> None:
    ledger.failures = [RuntimeError("password=hunter2")]
    assert stand.service.jobs is not None
    job = stand.service.jobs.periodics[named(stand, "nightly")]
    await worker.fan_out(stand.runtime, stand.service.jobs, job, SLOT)
    (queued,) = await runs(stand)
    with pytest.raises(RuntimeError):
        await worker.run_for_organisation(
            stand.runtime, job, (stand.org_id, queued.id), SLOT.isoformat(), attempts=0, delays=(60,)
        )
    (run,) = await runs(stand)
    assert (run.status, run.error, run.finished_at) == ("queued", "RuntimeError", None)


# ------------------------------------------------------------------------------------------ told to people


async def test_job_can_be_started_by_hand_and_a_retried_call_starts_one_run(
    stand: Stand, ledger: Ledger
) -> None:
    assert stand.service.jobs is not None
    name = f"sales.{named(stand, 'nightly')}"
    first = await start(stand.runtime, stand.service.jobs, stand.org_id, name, "request-1")
    assert (first.status, first.name) == ("queued", name)
    other = await start(stand.runtime, stand.service.jobs, stand.org_id, name, "request-2")
    assert other.id == first.id, "one run at a time for an organisation"
    await stand.run_deferred()
    again = await start(stand.runtime, stand.service.jobs, stand.org_id, name, "request-1")
    assert (again.id, again.status) == (first.id, "succeeded")
    stand.clock.advance(seconds=1)
    third = await start(stand.runtime, stand.service.jobs, stand.org_id, name, "")
    assert third.id != first.id
    await stand.run_deferred()
    assert len(ledger.calls) == 2


async def test_jobs_are_listed_with_their_newest_runs_and_the_next_slot(stand: Stand) -> None:
    assert stand.service.jobs is not None
    name = f"sales.{named(stand, 'nightly')}"
    stand.clock.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for number in range(22):
        await start(stand.runtime, stand.service.jobs, stand.org_id, name, f"request-{number}")
        await stand.run_deferred()
        stand.clock.advance(minutes=1)
    (job,) = await overview(stand.runtime, stand.service.jobs, "default", stand.org_id)
    assert (job.name, job.schedule, job.description) == (name, "0 2 * * *", "Notes every organisation.")
    assert job.next_run.ToDatetime(UTC) == datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert len(job.runs) == 20
    assert job.last_run == job.runs[0]
    assert job.runs[0].queued_at.ToDatetime(UTC) > job.runs[1].queued_at.ToDatetime(UTC)
    (test_profile,) = await overview(stand.runtime, stand.service.jobs, "test", stand.org_id, name)
    assert test_profile.next_run.ToDatetime(UTC) == stand.clock.now + timedelta(seconds=1)


async def test_runs_of_another_organisation_are_not_seen(stand: Stand) -> None:
    assert stand.service.jobs is not None
    name = f"sales.{named(stand, 'nightly')}"
    await start(stand.runtime, stand.service.jobs, stand.org_id, name, "request-1")
    (job,) = await overview(stand.runtime, stand.service.jobs, "default", new_id(), name)
    assert not job.HasField("last_run")
    assert not job.runs


async def test_jobs_of_the_service_itself_and_unknown_ones_are_not_found(stand: Stand) -> None:
    jobs = stand.service.all_jobs()
    for name in ("sales.house-keeping", "sales.unknown", "work.house-keeping", "", named(stand, "nightly")):
        with pytest.raises(NotFound):
            await start(stand.runtime, jobs, stand.org_id, name, "request")


async def test_running_call_may_end_when_the_worker_is_cancelled_again_and_again(
    stand: Stand, ledger: Ledger
) -> None:
    ledger.delay = 0.8
    assert stand.service.jobs is not None
    task = asyncio.create_task(worker.run(stand.runtime, stand.service.jobs, "default"))
    await defer_mail(stand)
    await until(lambda: ledger.calls)
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
    assert task.cancelled()
    assert len(ledger.calls) == 1
    assert await queued_calls(stand) == []
