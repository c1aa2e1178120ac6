"""Facts out: published if and only if committed, in order, acknowledged, whatever dies in between."""

import asyncio
import gc
import signal
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from chassis import bus as bus_module
from chassis import ledger
from chassis.auth import system_actor
from chassis.bus import MAX_MESSAGE_BYTES, STREAM, Bus, stream_config
from chassis.clock import utc_now
from chassis.context import Work, begin_work
from chassis.ids import new_id
from chassis.metrics import outbox_oldest_seconds, outbox_pending
from chassis.relay import Relay, redrive
from chassis.rows import outbox
from chassis.testing.stand import Stand
from chassis.tx import Fact, Tx
from execos.sales.v1.events_pb2 import CompanyCreated
from execos.sales.v1.snapshots_pb2 import CompanySnapshot
from sample.broker import Broker, own_broker
from sample.publishing import publish, relay_of, stored
from sample.waiting import running, until, until_true


async def rows(stand: Stand) -> list[Any]:
    async with stand.runtime.source.database.session(stand.org_id, read_only=True) as session:
        mine = select(outbox).where(outbox.c.org_id == stand.org_id).order_by(outbox.c.id)
        return list((await session.execute(mine)).all())


async def pending(stand: Stand) -> int:
    return sum(row.published_at is None and row.quarantined_at is None for row in await rows(stand))


async def names(bus: Bus, stand: Stand) -> list[str]:
    return [fact.name for fact in await stored(bus, stand.org_id)]


async def test_committed_fact_reaches_the_broker_with_every_attribute(notes: Stand, bus: Bus) -> None:
    begin_work(Work("11111111-1111-4111-8111-111111111111", traceparent=f"00-{'a' * 32}-{'b' * 16}-01"))
    company = new_id()
    await publish(notes, "Größe", aggregate_id=company, version=7)
    async with running(relay_of(notes, bus).run()):
        await until_true(lambda: all_published(notes))
    (fact,) = await stored(bus, notes.org_id)
    (row,) = await rows(notes)
    assert fact.subject == "events.sales.company.created.v1"
    assert fact.headers == {
        "Nats-Expected-Stream": "EVENTS",
        "Nats-Msg-Id": str(row.event_id),
        "ce-specversion": "1.0",
        "ce-id": str(row.event_id),
        "ce-type": "sales.company.created.v1",
        "ce-source": "sales",
        "ce-time": row.created_at.isoformat(),
        "ce-subject": str(company),
        "org-id": str(notes.org_id),
        "aggregate-version": "7",
        "actor": "system:",
        "request-id": "11111111-1111-4111-8111-111111111111",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }
    assert fact.name == "Größe"
    assert [row.attempts for row in await rows(notes)] == [1]


async def test_fact_of_a_transaction_that_failed_is_never_published(notes: Stand, bus: Bus) -> None:
    async with Tx(notes.runtime.source, system_actor(notes.org_id)) as tx:
        tx.publish(Fact(CompanyCreated(company=CompanySnapshot(name="never")), new_id(), 1))
        await tx.session.execute(text("SELECT 1"))
    await publish(notes, "committed")
    async with running(relay_of(notes, bus).run()):
        await until_true(lambda: names(bus, notes))
    assert await names(bus, notes) == ["committed"]


async def test_facts_of_an_aggregate_are_published_in_order(notes: Stand, bus: Bus) -> None:
    companies = [new_id() for _ in range(5)]
    for version in range(1, 9):
        for company in companies:
            await publish(notes, f"{version}", aggregate_id=company, version=version)
    async with running(relay_of(notes, bus).run()):
        await until_true(lambda: all_published(notes))
    facts = await stored(bus, notes.org_id)
    for company in companies:
        versions = [fact.version for fact in facts if fact.aggregate_id == company]
        assert versions == list(range(1, 9))


async def all_published(stand: Stand) -> bool:
    return await pending(stand) == 0


async def test_facts_of_something_large_let_all_others_go_first_but_those_of_their_aggregate(
    notes: Stand, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.BULK_A_SECOND", 1)
    imported = new_id()
    await publish(notes, "imported", aggregate_id=imported, is_bulk=True)
    await publish(notes, "imported too", is_bulk=True)
    relay = relay_of(notes, bus)
    relay._bulk_due_at = float("inf")
    await publish(notes, "changed", aggregate_id=imported, version=2)
    await publish(notes, "prompt")
    assert await relay.publish_batch() == 1
    assert await names(bus, notes) == ["prompt"]
    relay._bulk_due_at = 0
    assert await relay.publish_batch() == 3
    assert await names(bus, notes) == ["prompt", "imported", "imported too", "changed"]
    await publish(notes, "much more", is_bulk=True)
    assert await relay.publish_batch() == 0  # so many a second, and no more
    await publish(notes, "prompt again", aggregate_id=imported, version=3)
    assert await relay.publish_batch() == 1


async def test_order_holds_when_the_broker_refuses_one_in_the_middle(notes: Stand, bus: Bus) -> None:
    company = new_id()
    for version in range(1, 5):
        await publish(notes, f"{version}", aggregate_id=company, version=version)
    refusals = [2]

    class Refusing(Bus):
        async def publish(self, subject: str, payload: bytes, headers: Any) -> None:
            if (
                headers["ce-subject"] == str(company)
                and refusals
                and int(headers["aggregate-version"]) == refusals[0]
            ):
                refusals.pop()
                raise TimeoutError
            await bus.publish(subject, payload, headers)

    relay = relay_of(notes, Refusing("", name="refusing"))
    with pytest.raises(TimeoutError):
        await relay.publish_batch()
    assert await pending(notes) == 3
    while await pending(notes):
        await relay.publish_batch()
    assert await names(bus, notes) == ["1", "2", "3", "4"]


async def test_killed_between_publish_and_mark_leaves_one_message_in_the_broker(
    notes: Stand, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(notes, "once")
    relay = relay_of(notes, bus)

    async def die(_ids: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as killed:
        killed.setattr(relay, "_mark", die)
        with pytest.raises(SystemExit):
            await relay.publish_batch()
    assert await pending(notes) == 1
    await relay_of(notes, bus).publish_batch()
    assert await pending(notes) == 0
    assert await names(bus, notes) == ["once"], "the broker knows the message id"


async def test_fact_committed_late_with_an_early_id_is_not_skipped(notes: Stand, bus: Bus) -> None:
    relay = relay_of(notes, bus)
    async with Tx(notes.runtime.source, system_actor(notes.org_id)) as slow:
        slow.publish(Fact(CompanyCreated(company=CompanySnapshot(name="early")), new_id(), 1))
        await slow._execute(ledger.statement(has_answer=False), ledger.parameters([], slow._facts, None))
        await publish(notes, "late")
        await relay.publish_batch()
        assert await names(bus, notes) == ["late"]
        await (await slow._begun()).driver.commit()
    early, late = await rows(notes)
    assert early.id < late.id
    await relay.publish_batch()
    assert await names(bus, notes) == ["late", "early"]


async def test_facts_written_while_the_broker_is_down_arrive_when_it_is_back(notes: Stand) -> None:
    with own_broker() as broker:
        bus = Bus(broker.url, name="test")
        async with running(relay_of(notes, bus).run()):
            await publish(notes, "before the broker ever started")
            await asyncio.sleep(0.3)
            await broker.start()
            await until_true(lambda: all_published(notes))
            broker.kill()
            await publish(notes, "while it was down")
            await asyncio.sleep(0.5)
            assert await pending(notes) == 1
            await broker.start()
            await until_true(lambda: all_published(notes))
        assert await names(bus, notes) == ["before the broker ever started", "while it was down"]
        await bus.close()


async def test_broker_that_lost_its_disk_gets_the_stream_and_redriven_facts_again(notes: Stand) -> None:
    with own_broker() as broker, own_broker() as fresh:
        fresh.server = broker.server.__class__(
            fresh.server.directory, broker.server.port, broker.server.monitor_port
        )
        await broker.start()
        bus = Bus(broker.url, name="test")
        await publish(notes, "kept in the outbox")
        began = utc_now() - timedelta(seconds=1)
        async with running(relay_of(notes, bus).run()):
            await until_true(lambda: all_published(notes))
            broker.kill()
            await fresh.start()
            await publish(notes, "after the loss")
            await until_true(lambda: all_published(notes))
            assert await redrive(notes.runtime.system, began) >= 2
            await until_true(lambda: all_published(notes))
        assert sorted(await names(bus, notes)) == ["after the loss", "kept in the outbox"]
        await bus.close()


async def test_fact_too_large_for_the_broker_is_set_aside_and_the_others_go_on(
    notes: Stand, bus: Bus
) -> None:
    company = new_id()
    await publish(notes, "x" * MAX_MESSAGE_BYTES, aggregate_id=company, version=1)
    await publish(notes, "y" * (MAX_MESSAGE_BYTES - 300), aggregate_id=company, version=2)
    await publish(notes, "small", aggregate_id=company, version=3)
    while await pending(notes):
        await relay_of(notes, bus).publish_batch()
    assert await names(bus, notes) == ["small"]
    assert [row.quarantined_at is not None for row in await rows(notes)] == [True, True, False]


async def test_only_one_relay_of_a_database_publishes(notes: Stand, bus: Bus) -> None:
    class Counting(Relay):
        batches = 0

        async def publish_batch(self) -> int:
            self.batches += 1
            return await super().publish_batch()

    first, second = (
        Counting(notes.runtime.system, bus, context="sales", clock=utc_now),
        Counting(notes.runtime.system, bus, context="sales", clock=utc_now),
    )
    async with running(first.run()):
        await until(lambda: first.batches)
        async with running(second.run()):
            await publish(notes, "once", then=first.wake)
            await until_true(lambda: all_published(notes))
            assert second.batches == 0
    async with running(second.run()):
        await until(lambda: second.batches)


async def test_relay_that_loses_its_lock_connection_takes_it_again(
    notes: Stand, bus: Bus, databases: Any
) -> None:
    async with running(relay_of(notes, bus).run()):
        await publish(notes, "first")
        await until_true(lambda: all_published(notes))
        with databases.cluster.connect("sales") as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sales_system'"
            )
        await publish(notes, "second")
        await until_true(lambda: all_published(notes))
    assert await names(bus, notes) == ["first", "second"]


async def test_backlog_is_measured(notes: Stand, bus: Bus) -> None:
    await publish(notes, "old")
    async with notes.runtime.system.session(None) as session:
        aged = update(outbox).where(outbox.c.org_id == notes.org_id)
        await session.execute(aged.values(created_at=utc_now() - timedelta(minutes=5)))
        await session.commit()
    relay = relay_of(notes, bus)
    await relay.publish_batch()
    assert outbox_pending._value.get() >= 1
    assert outbox_oldest_seconds._value.get() >= 299


async def test_stream_is_changed_when_it_differs(bus: Bus) -> None:
    context = await bus.jetstream()
    config = stream_config(1)
    config.max_age = 3600
    await context.update_stream(config)
    bus.forget_stream()
    await bus.jetstream()
    state = await context.stream_info(STREAM)
    assert state.config.max_age == stream_config(1).max_age
    assert state.config.max_msg_size == MAX_MESSAGE_BYTES


async def test_many_loops_share_one_connection(broker: Broker) -> None:
    bus = Bus(broker.url, name="test")
    clients = await asyncio.gather(*(bus.client() for _ in range(5)))
    assert len(set(clients)) == 1
    assert bus.is_connected
    await bus.close()
    assert not bus.is_connected


async def test_broker_that_stays_away_is_complained_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[Any] = []
    monkeypatch.setattr(
        bus_module.log, "warning", lambda *line, **more: lines.append((line, more)), raising=False
    )
    with own_broker() as broker:
        bus = Bus(broker.url, name="test")
        async with running(bus.client()):
            await asyncio.sleep(1)
    assert len(lines) == 1


async def test_client_that_gives_up_ends_the_process(bus: Bus) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    try:
        await (await bus.client()).close()
        await asyncio.wait_for(stopped.wait(), 5)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_connecting_that_is_cancelled_leaves_nothing_open() -> None:
    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.close()

    silent = await asyncio.start_server(accept, "127.0.0.1", 0)
    bus = Bus(f"nats://127.0.0.1:{silent.sockets[0].getsockname()[1]}", name="test")
    async with running(bus.client()):
        await asyncio.sleep(0.1)
    await bus.close()
    silent.close()
    gc.collect()
