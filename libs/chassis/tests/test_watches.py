"""Revocation: what ends a session is known in every process within seconds, and again after any restart."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis import watches
from chassis.auth import Actor, ActorKind, DenyList, TokenRevoked, TokenStale
from chassis.bus import STREAM, Bus
from chassis.clock import utc_now
from chassis.ids import new_id
from chassis.inbox import Received
from chassis.runtime import Runtime
from chassis.testing.stand import Stand
from chassis.watches import TOKEN_LIFETIME, Watches, follow
from sample.broker import Broker
from sample.publishing import publish, relay_of
from sample.waiting import running, until, until_true


def end_session(runtime: Runtime, fact: Received, until: float) -> None:
    runtime.verifier.deny_list.end_session(fact.message.company.name, until)


WATCHES: Watches = {"sales.company.created.v1": end_session}


def actor(
    session: str = "s", *, user: UUID | None = None, org: UUID | None = None, version: int = 1
) -> Actor:
    return Actor(
        ActorKind.USER, user or new_id(), org or new_id(), "A Person", session_id=session, version=version
    )


async def say(stand: Stand, bus: Bus, session: str) -> None:
    await publish(stand, session)
    relay = relay_of(stand, bus)
    while await relay.publish_batch():
        pass


async def test_ended_session_is_refused_within_a_second(notes: Stand, bus: Bus) -> None:
    deny_list = notes.runtime.verifier.deny_list
    async with running(follow(bus, notes.runtime, WATCHES)):
        await say(notes, bus, "one")
        await until(lambda: "one" in deny_list.sessions, 5)
        said = time.perf_counter()
        await say(notes, bus, "two")
        await until(lambda: "two" in deny_list.sessions, 5)
    print(f"revocation took {(time.perf_counter() - said) * 1000:.0f} ms")
    with pytest.raises(TokenRevoked):
        deny_list.check(actor("two"))
    deny_list.check(actor("three"))


async def test_what_was_said_within_a_token_lifetime_is_replayed_at_start(notes: Stand, bus: Bus) -> None:
    await say(notes, bus, "before the start")
    deny_list = notes.runtime.verifier.deny_list
    async with running(follow(bus, notes.runtime, WATCHES)):
        await until(lambda: deny_list.sessions)
    until_when = deny_list.sessions["before the start"]
    assert abs(until_when - (time.time() + TOKEN_LIFETIME.total_seconds())) < 10


async def test_what_is_older_than_a_token_is_not_replayed(
    notes: Stand, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(notes, bus, "old")
    await asyncio.sleep(0.3)
    monkeypatch.setattr(watches, "TOKEN_LIFETIME", timedelta(seconds=0.2))
    notes.clock.advance(minutes=5)  # so that what was said is not forgotten at once
    deny_list = notes.runtime.verifier.deny_list
    async with running(follow(bus, notes.runtime, WATCHES)):
        await asyncio.sleep(0.3)
        await say(notes, bus, "new")
        await until(lambda: "new" in deny_list.sessions)
    assert set(deny_list.sessions) == {"new"}


async def test_broker_restart_is_survived(notes: Stand, broker: Broker, bus: Bus) -> None:
    deny_list = notes.runtime.verifier.deny_list
    async with running(follow(bus, notes.runtime, WATCHES)):
        await say(notes, bus, "before")
        await until(lambda: "before" in deny_list.sessions)
        broker.kill()
        await publish(notes, "down")
        await asyncio.sleep(0.5)
        await broker.start()
        relay = relay_of(notes, bus)
        async with running(relay.run()):
            await until(lambda: "down" in deny_list.sessions)


async def test_message_that_is_no_fact_does_not_stop_the_others(notes: Stand, bus: Bus) -> None:
    deny_list = notes.runtime.verifier.deny_list
    async with running(follow(bus, notes.runtime, WATCHES)):
        await bus.publish("events.sales.company.created.v1", b"{", {"ce-type": "sales.company.created.v1"})
        await say(notes, bus, "after the broken one")
        await until(lambda: deny_list.sessions)


async def test_follower_leaves_nothing_behind_at_the_broker(notes: Stand, bus: Bus) -> None:
    async with running(follow(bus, notes.runtime, WATCHES)):
        await until_true(lambda: consumers(bus))
        (consumer,) = await consumers(bus)
    assert consumer.config.durable_name is None
    assert consumer.config.inactive_threshold


async def consumers(bus: Bus) -> list[Any]:
    return await (await bus.jetstream()).consumers_info(STREAM)


def test_newer_membership_version_ages_older_tokens() -> None:
    deny_list, user, org = DenyList(), new_id(), new_id()
    deny_list.raise_version(org, user, 3, until=time.time() + 60, is_removed=False)
    with pytest.raises(TokenStale):
        deny_list.check(actor(user=user, org=org, version=2))
    deny_list.check(actor(user=user, org=org, version=3))
    deny_list.check(actor(user=user, version=2))


def test_removal_says_revoked_and_late_older_facts_change_nothing() -> None:
    deny_list, user, org = DenyList(), new_id(), new_id()
    deny_list.raise_version(org, user, 5, until=time.time() + 60, is_removed=True)
    deny_list.raise_version(org, user, 4, until=time.time() + 60, is_removed=False)
    with pytest.raises(TokenRevoked):
        deny_list.check(actor(user=user, org=org, version=4))


def test_list_forgets_what_no_living_token_needs() -> None:
    deny_list, user, org = DenyList(), new_id(), new_id()
    now = utc_now().timestamp()
    deny_list.end_session("dead", now - 1)
    deny_list.end_session("alive", now + 1)
    deny_list.raise_version(org, user, 5, until=now - 1, is_removed=True)
    deny_list.forget(now)
    assert set(deny_list.sessions) == {"alive"}
    assert not deny_list.members
