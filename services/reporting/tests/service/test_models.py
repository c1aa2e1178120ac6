"""Facts arrive twice and in any order, and the models are the same; a rebuild arrives at the same rows."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.message import Message
from services.reporting.tests.place import NOON, Place

from chassis.facts import message_class
from chassis.ids import new_id
from execos.billing.v1 import events_pb2 as billing
from execos.identity.v1 import events_pb2 as identity
from execos.identity.v1.snapshots_pb2 import MemberSnapshot, OrganisationSnapshot, Policies
from execos.sales.v1 import events_pb2 as sales
from execos.sales.v1.snapshots_pb2 import CompanySnapshot
from execos.work.v1 import events_pb2 as work
from reporting.catalogue import CONTEXTS, domain_types, platform_types
from reporting.consumed import HANDLERS, on_fact
from reporting.rebuild import rebuild_organisation

Told = tuple[Message, Any, int, UUID]


def life_of_everything(place: Place) -> list[Told]:
    """Every kind of aggregate in three versions; two facts tell the last one, as an assignment does."""
    facts: list[Told] = []
    item, deal, invoice, member, company = (str(new_id()) for _ in range(5))
    for version in (1, 2, 3, 3):
        told: list[tuple[Message, Any]] = [
            (work.ItemUpdated(item=place.item_snapshot(id=item, version=version, title=f"v{version}")), item),
            (
                sales.DealUpdated(deal=place.deal_snapshot(id=deal, version=version, title=f"v{version}")),
                deal,
            ),
            (
                billing.InvoiceUpdated(
                    invoice=place.invoice_snapshot(id=invoice, version=version, amount=version)
                ),
                invoice,
            ),
            (
                identity.MemberUpdated(
                    member=MemberSnapshot(
                        user_id=member,
                        version=version,
                        name=f"v{version}",
                        email="a@b",
                        role="OPS",
                        status="active",
                    )
                ),
                member,
            ),
            (
                sales.CompanyUpdated(
                    company=CompanySnapshot(id=company, version=version, name=f"v{version}")
                ),
                company,
            ),
            (
                identity.PoliciesChanged(
                    organisation=OrganisationSnapshot(
                        id=str(place.org_id),
                        version=10 + version,
                        name=f"v{version}",
                        status="active",
                        time_zone="UTC",
                        currency="EUR",
                        policies=Policies(overdue_after_days=version),
                    )
                ),
                place.org_id,
            ),
        ]
        facts += [(message, aggregate, version, new_id()) for message, aggregate in told]
    return facts


async def arrive(place: Place, facts: list[Told]) -> None:
    """Let facts arrive in this order."""
    for message, aggregate, version, event_id in facts:
        await place.tell(message, aggregate, version, event_id=event_id)


def in_order(facts: list[Told]) -> list[Told]:
    return facts


def backwards(facts: list[Told]) -> list[Told]:
    return facts[::-1]


def twice(facts: list[Told]) -> list[Told]:
    return facts + facts


def shuffled_twice(facts: list[Told]) -> list[Told]:
    both = facts + facts
    random.Random(7).shuffle(both)
    return both


@pytest.mark.parametrize("order", [backwards, twice, shuffled_twice])
async def test_order_and_repetition_of_facts_do_not_matter(
    place: Place, order: Callable[[list[Told]], list[Told]]
) -> None:
    facts = life_of_everything(place)
    await arrive(place, in_order(facts))
    expected = await place.rows()
    assert [len(rows) for rows in expected.values()] == [1] * 6
    await place.sql("DELETE FROM inbox WHERE org_id = :org_id")
    for table in expected:
        await place.sql(f"DELETE FROM {table} WHERE org_id = :org_id")
    await arrive(place, order(facts))
    assert await place.rows() == expected


async def test_newest_version_is_what_counts(place: Place) -> None:
    await arrive(place, shuffled_twice(life_of_everything(place)))
    rows = await place.rows()
    assert "v3" in rows["known_work_item"][0]
    assert "v3" in rows["known_organisation"][0]


async def test_rebuild_arrives_at_the_same_rows(place: Place) -> None:
    await arrive(place, shuffled_twice(life_of_everything(place)))
    expected = await place.rows()
    for table in ("known_deal", "known_member"):
        await place.sql(f"DELETE FROM {table} WHERE org_id = :org_id")
    await place.sql("UPDATE known_work_item SET title = 'wrong', version = 99 WHERE org_id = :org_id")
    strays = "INSERT INTO known_company SELECT org_id, :stray, 1, event_id, 'stray' FROM known_company"
    await place.sql(f"{strays} WHERE org_id = :org_id", stray=new_id())
    assert await place.rows() != expected
    # 24 facts of this test and the first one of the organisation
    assert await rebuild_organisation(place.stand.runtime, place.org_id) == 25
    assert await place.rows() == expected


async def test_rebuild_goes_batch_by_batch(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.rebuild.BATCH", 5)
    await arrive(place, shuffled_twice(life_of_everything(place)))
    expected = await place.rows()
    assert await rebuild_organisation(place.stand.runtime, place.org_id) == 25
    assert await place.rows() == expected


async def test_rebuild_leaves_audit_and_history_alone(place: Place) -> None:
    await place.activity()
    await place.post("/jobs/compute-health-score")
    before = await place.get("/audit")
    await rebuild_organisation(place.stand.runtime, place.org_id)
    assert await place.get("/audit") == before
    assert len((await place.get("/ceo/health-score/history"))["items"]) == 1


async def test_fact_is_kept_as_it_was_published(place: Place) -> None:
    item_id = await place.item(title="As told")
    [kept] = await place.sql(
        "SELECT * FROM fact WHERE org_id = :org_id AND aggregate_id = :item_id", item_id=item_id
    )
    assert (kept.type, kept.aggregate_version, kept.at) == ("work.item.updated.v1", 1, NOON)
    assert kept.payload["item"]["title"] == "As told"


async def test_audit_feed_is_not_kept_twice(place: Place) -> None:
    await place.activity()
    assert await place.sql("SELECT 1 FROM fact WHERE org_id = :org_id AND type LIKE '%activity%'") == []


async def test_fact_without_a_snapshot_is_kept_too(place: Place) -> None:
    message = identity.SessionStarted(session_id=str(new_id()), user_id=str(new_id()))
    message.at.FromDatetime(NOON)
    await place.tell(message, new_id())
    [kept] = await place.sql("SELECT type FROM fact WHERE org_id = :org_id AND type LIKE '%session%'")
    assert kept.type == "identity.session.started.v1"


async def test_rows_are_of_the_organisation_in_the_header(place: Place) -> None:
    other = place.elsewhere()
    told = place.item_snapshot(due_date=place.day(-1))
    await place.tell(work.ItemCreated(item=told), told.id, org_id=other)
    assert (await place.rows())["known_work_item"] == []
    async with place.stand.client(org_id=other) as api:
        assert (await api.get("/api/v1/ceo/health-score")).json()["score"] == 60


async def test_deal_that_aged_becomes_stale_without_any_fact(place: Place) -> None:
    await place.deal()
    place.stand.clock.now = NOON + timedelta(days=7, seconds=1)
    assert (await place.get("/ceo/health-score"))["breakdown"]["staleDealsPct"] == 1


def test_every_declared_fact_is_heard() -> None:
    assert len(domain_types()) > 50
    assert {each.split(".")[0] for each in domain_types()} == set(CONTEXTS)
    for each in HANDLERS:
        assert message_class(each)
    assert HANDLERS["work.item.completed.v1"] is on_fact
    assert (
        len(platform_types("activity.recorded")) == len(platform_types("permission.denied")) == len(CONTEXTS)
    )
    assert len(HANDLERS) == len(domain_types()) + 2 * len(CONTEXTS)
