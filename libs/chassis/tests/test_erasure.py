"""Erasure: an organisation's rows go, in batches, children first, and nobody else's."""

import pytest
from sqlalchemy import func, select, text

from chassis import erasure
from chassis.auth import system_actor
from chassis.erasure import erase, erase_later, tenant_tables
from chassis.ids import new_id
from chassis.testing.stand import Stand
from sample.publishing import publish


async def counts(stand: Stand) -> dict[str, int]:
    """The rows of the organisation by table, where there are any."""
    found = {}
    async with stand.runtime.system.session(None, read_only=True) as session:
        for table in tenant_tables(stand.service.metadata):
            counted = select(func.count()).select_from(table).where(table.c.org_id == stand.org_id)
            found[table.name] = await session.scalar(counted) or 0
    return {name: count for name, count in found.items() if count}


async def write(stand: Stand, count: int) -> None:
    """Notes, with their history and their facts."""
    async with stand.client() as client:
        for number in range(count):
            answer = await client.post("/api/v1/notes", json={"title": f"Note {number}"})
            assert answer.status_code == 201, answer.text


async def test_every_row_of_the_organisation_goes_and_no_other(
    notes: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "BATCH", 2)
    mine = notes.org_id
    await write(notes, 5)
    notes.org_id = new_id()
    await write(notes, 1)
    neighbours = await counts(notes)
    await erase(notes.runtime.system, notes.service.metadata, mine)
    assert await counts(notes) == neighbours
    notes.org_id = mine
    assert await counts(notes) == {}


async def test_what_is_kept_is_kept(notes: Stand) -> None:
    await write(notes, 1)
    await erase(notes.runtime.system, notes.service.metadata, notes.org_id, keep={"outbox"})
    assert set(await counts(notes)) == {"outbox"}


async def test_the_job_runs_once_its_transaction_has_committed(notes: Stand) -> None:
    await publish(notes, "something")
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        await erase_later(tx)
    assert await counts(notes) != {}
    assert await notes.run_deferred() == [erasure.ERASE, erasure.ERASE]
    assert await counts(notes) == {"inbox": 1}


async def test_what_was_under_way_when_the_end_became_known_is_erased_a_minute_later(notes: Stand) -> None:
    async with notes.runtime.source.tx(system_actor(notes.org_id)) as tx:
        await erase_later(tx)
    due = text("SELECT scheduled_at FROM procrastinate.procrastinate_jobs WHERE args->>'org_id' = :org_id")
    async with notes.runtime.system.session(None, read_only=True) as session:
        times = list(await session.scalars(due, {"org_id": str(notes.org_id)}))
    assert sorted(times, key=bool) == [None, tx.now + erasure.AGAIN_AFTER]
