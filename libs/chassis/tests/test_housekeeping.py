"""House-keeping: what is old goes, what is needed stays, in every organisation, in batches."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, text, update

from chassis import housekeeping
from chassis.auth import system_actor
from chassis.housekeeping import with_housekeeping
from chassis.ids import new_id
from chassis.jobs import Jobs
from chassis.rows import idempotency, inbox, job_run, outbox
from chassis.testing.stand import Stand
from sample.publishing import publish


async def count(stand: Stand, table: Table) -> int:
    async with stand.runtime.system.session(None, read_only=True) as session:
        counted = select(func.count()).select_from(table).where(table.c.org_id == stand.org_id)
        return await session.scalar(counted) or 0


async def write(stand: Stand, table: Table, **values: Any) -> None:
    async with stand.runtime.system.session(None) as session:
        await session.execute(insert(table).values(org_id=stand.org_id, **values))
        await session.commit()


async def test_published_facts_go_after_14_days_and_unpublished_ones_never(notes: Stand) -> None:
    await publish(notes, "published")
    await publish(notes, "not published")
    async with notes.runtime.system.session(None) as session:
        newest = select(func.max(outbox.c.id)).where(outbox.c.org_id == notes.org_id).scalar_subquery()
        mine = update(outbox).where(outbox.c.org_id == notes.org_id, outbox.c.id < newest)
        await session.execute(mine.values(published_at=notes.clock.now))
        await session.commit()
    notes.clock.advance(days=13, hours=23)
    await notes.run_periodic("house-keeping")
    assert await count(notes, outbox) == 2
    notes.clock.advance(hours=2)
    await notes.run_periodic("house-keeping")
    assert [fact.message.company.name for fact in await notes.facts()] == ["not published"]


@pytest.mark.parametrize(
    ("table", "kept", "values"),
    [
        (inbox, timedelta(days=30), {"consumer": "sales", "at": "received_at"}),
        (
            idempotency,
            timedelta(hours=72),
            {
                "principal": new_id(),
                "method": "POST",
                "route": "/x",
                "key": "k",
                "request_hash": b"",
                "status": 201,
                "headers": {},
                "body": b"",
                "at": "created_at",
            },
        ),
        (
            job_run,
            timedelta(days=90),
            {"name": "x", "status": "failed", "attempts": 1, "at": "finished_at"},
        ),
    ],
    ids=["inbox", "idempotency", "job_run"],
)
async def test_old_rows_go(notes: Stand, table: Table, kept: timedelta, values: dict[str, Any]) -> None:
    values = dict(values)
    at = values.pop("at")
    if table is inbox:
        values["event_id"] = new_id()
    if table is job_run:
        values |= {"id": new_id(), "slot": notes.clock.now, "queued_at": notes.clock.now}
    await write(notes, table, **values, **{at: notes.clock.now})
    notes.clock.now += kept - timedelta(hours=1)
    await notes.run_periodic("house-keeping")
    assert await count(notes, table) == 1
    notes.clock.advance(hours=2)
    await notes.run_periodic("house-keeping")
    assert await count(notes, table) == 0


async def test_run_that_is_not_finished_stays(notes: Stand) -> None:
    now = notes.clock.now
    values = {"id": new_id(), "name": "x", "slot": now, "queued_at": now, "status": "queued", "attempts": 0}
    await write(notes, job_run, **values)
    notes.clock.advance(days=200)
    await notes.run_periodic("house-keeping")
    assert await count(notes, job_run) == 1


async def test_large_backlog_goes_in_batches(notes: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 3)
    for _ in range(7):
        await write(notes, inbox, consumer="sales", event_id=new_id(), received_at=notes.clock.now)
    notes.clock.advance(days=31)
    await notes.run_periodic("house-keeping")
    assert await count(notes, inbox) == 0


async def test_failed_calls_go_after_30_days(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        assert notes.service.jobs
        await notes.service.jobs.defer(tx, "copy-note", note_id="x")
    async with notes.runtime.system.session(None) as session:
        mine = {"org_id": str(notes.org_id)}
        await session.execute(
            text(
                "UPDATE procrastinate.procrastinate_jobs SET status = 'failed' WHERE args->>'org_id' = :org_id"
            ),
            mine,
        )
        await session.commit()
    assert await failed_calls(notes) == 1
    await notes.run_periodic("house-keeping")
    assert await failed_calls(notes) == 1
    notes.clock.advance(days=31)
    await notes.run_periodic("house-keeping")
    assert await failed_calls(notes) == 0


async def failed_calls(stand: Stand) -> int:
    wanted = text("SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE args->>'org_id' = :org_id")
    async with stand.runtime.system.session(None) as session:
        return await session.scalar(wanted, {"org_id": str(stand.org_id)}) or 0


def test_every_service_keeps_house_without_changing_its_own_jobs() -> None:
    own = Jobs("sales")
    assert set(with_housekeeping(own, "sales").periodics) == {"house-keeping"}
    assert own.periodics == {}
    assert with_housekeeping(None, "work").context == "work"
