"""The service as it runs: its schema, its worker, and how soon people and buyers hear."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from alembic import command
from services.notifications.tests.place import Place

from chassis import migrations, worker
from chassis.testing.databases import Databases
from execos.work.v1.events_pb2 import ItemAssigned
from notifications.backfill import backfill
from notifications.main import NOTIFICATIONS

IN_APP_SECONDS, MAIL_SECONDS = 1.0, 10.0


async def until(condition: Callable[[], Any], seconds: float) -> float:
    """Wait until something holds; how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "did not happen in time"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


async def test_migrations_make_what_the_models_say(place: Place, databases: Databases) -> None:
    url = databases.url("notifications", "owner")
    await asyncio.to_thread(command.check, migrations.configuration(NOTIFICATIONS.migrations, url))


async def test_backfill_learns_who_belongs_to_whom_and_keeps_what_is_newer(place: Place) -> None:
    org_id = place.stand.org_id
    known = await place.person("CEO")
    await place.member(known, "CEO", name="Newer Name")
    place.identity.add_organisation(org_id, locale="fr")
    place.identity.add_organisation(org_id, locale="fr")
    place.identity.add_member(org_id, known, role="CASHIER", name="Older Name")
    finance = place.identity.add_member(org_id, role="FINANCE")
    keeper = place.identity.add_member(org_id, role="BOOKKEEPER")
    place.identity.add_role(org_id, "BOOKKEEPER", "invoices:read", "invoices:pay")
    for _ in range(2):
        await backfill(place.stand.runtime)
    await place.invoice_paid()
    assert [notice["title"] for notice in await place.inbox(finance.id)] == ["Facture INV-2026-00001 payée"]
    assert len(await place.inbox(known)) == len(await place.inbox(keeper.id)) == 1


async def test_assignee_can_read_it_within_a_second(place: Place) -> None:
    ops = await place.person("OPS")
    item = place.item(assigned_to_user_id=ops)
    started = time.monotonic()
    await place.tell(ItemAssigned(item=item), item.id)
    assert len(await place.inbox(ops)) == 1
    assert time.monotonic() - started < IN_APP_SECONDS


async def test_worker_sends_the_mail_within_ten_seconds_of_the_fact(place: Place) -> None:
    jobs = NOTIFICATIONS.all_jobs()
    jobs.periodics.clear()
    working = asyncio.create_task(worker.run(place.stand.runtime, jobs, "test"))
    try:
        await place.invoice_sent()
        assert await until(lambda: place.mails.taken, MAIL_SECONDS) < MAIL_SECONDS
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert [each.state for each in await place.deliveries()] == ["delivered"]
    assert await place.deferred() == []
