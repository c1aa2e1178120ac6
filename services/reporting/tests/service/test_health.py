"""The score: what counts, what does not, and what is kept of it."""

from datetime import timedelta
from typing import Any

import pytest
from services.reporting.tests.place import NOON, Place

SCORE = "/ceo/health-score"


async def breakdown(place: Place) -> dict[str, Any]:
    """How the present score comes about."""
    found: dict[str, Any] = (await place.get(SCORE))["breakdown"]
    return found


async def test_empty_organisation_is_perfect(place: Place) -> None:
    found = await place.get(SCORE)
    assert (found["score"], found["trend"], found["dateKey"]) == (100, None, "2026-03-10")
    assert found["computedAt"] == "2026-03-10T12:00:00Z"
    assert found["breakdown"] == {
        "overdueWorkPct": 0.0,
        "overdueInvoicePct": 0.0,
        "staleDealsPct": 0.0,
        "hygieneCount": 0,
        "penalties": {
            "overdueWorkPenalty": 0,
            "overdueInvoicePenalty": 0,
            "staleDealsPenalty": 0,
            "hygienePenalty": 0,
        },
        "thresholds": {"staleDays": 7, "overdueAfterDays": 0},
    }


async def make_fixture(place: Place) -> None:
    """Half of the work and a quarter of the deals overdue or stale, a fifth of the invoices, ten findings."""
    for number in range(2):
        await place.item(due_date=place.day(-1 if number else 1))
    for number in range(5):
        await place.invoice(due_date=place.day(-1 if number == 0 else 1))
    for number in range(12):
        old = place.stand.clock.now - timedelta(days=8)
        await place.deal(
            last_activity_at=old if number < 3 else place.stand.clock.now,
            owner_user_id=None if number < 10 else str(place.stand.user_id),
        )


async def test_fixture_of_the_reference_is_67(place: Place) -> None:
    await make_fixture(place)
    found = await place.get(SCORE)
    assert found["score"] == 67
    assert found["breakdown"]["penalties"] == {
        "overdueWorkPenalty": 20,
        "overdueInvoicePenalty": 6,
        "staleDealsPenalty": 5,
        "hygienePenalty": 2,
    }


async def test_work_is_overdue_the_day_after_it_is_due(place: Place) -> None:
    await place.item(due_date=place.day(0))
    assert (await breakdown(place))["overdueWorkPct"] == 0
    place.stand.clock.advance(days=1)
    assert (await breakdown(place))["overdueWorkPct"] == 1


async def test_done_work_counts_nowhere(place: Place) -> None:
    await place.item(status="DONE", due_date=place.day(-9), completed_at=NOON)
    await place.item(status="DONE", due_date=None, completed_at=NOON)
    found = await breakdown(place)
    assert (found["overdueWorkPct"], found["hygieneCount"]) == (0, 0)


@pytest.mark.parametrize("status", ["DRAFT", "VOID", "PAID"])
async def test_draft_void_and_paid_invoices_count_nowhere(place: Place, status: str) -> None:
    await place.invoice(status=status, due_date=place.day(-30), locked_at=None)
    found = await breakdown(place)
    assert (found["overdueInvoicePct"], found["hygieneCount"]) == (0, 0)


@pytest.mark.parametrize("status", ["SENT", "PARTIALLY_PAID"])
async def test_unpaid_invoices_count(place: Place, status: str) -> None:
    await place.invoice(status=status, due_date=place.day(-1))
    assert (await breakdown(place))["overdueInvoicePct"] == 1


async def test_policy_says_when_an_invoice_is_overdue(place: Place) -> None:
    await place.organisation(2, overdue_after_days=5)
    await place.invoice(due_date=place.day(-5))
    assert (await breakdown(place))["overdueInvoicePct"] == 0
    await place.invoice(due_date=place.day(-6))
    found = await breakdown(place)
    assert (found["overdueInvoicePct"], found["thresholds"]["overdueAfterDays"]) == (0.5, 5)


async def test_policy_says_when_a_deal_is_stale_by_its_last_activity(place: Place) -> None:
    now = place.stand.clock.now
    await place.deal(created_at=now - timedelta(days=90), last_activity_at=now - timedelta(days=7))
    assert (await breakdown(place))["staleDealsPct"] == 0
    await place.organisation(2, stale_deal_after_days=6)
    found = await breakdown(place)
    assert (found["staleDealsPct"], found["thresholds"]["staleDays"]) == (1, 6)


async def test_closed_deals_count_nowhere(place: Place) -> None:
    for stage in ("WON", "LOST"):
        await place.deal(stage=stage, owner_user_id=None, last_activity_at=NOON - timedelta(days=99))
    found = await breakdown(place)
    assert (found["staleDealsPct"], found["hygieneCount"]) == (0, 0)


async def test_deals_that_are_put_away_count_nowhere(place: Place) -> None:
    await place.deal(archived_at=NOON, owner_user_id=None, last_activity_at=NOON - timedelta(days=99))
    found = await breakdown(place)
    assert (found["staleDealsPct"], found["hygieneCount"]) == (0, 0)


async def test_hygiene_counts_what_lacks_owner_date_or_lock(place: Place) -> None:
    await place.deal(owner_user_id=None)
    await place.item(due_date=None)
    await place.invoice(locked_at=None)
    await place.invoice(locked_at=None, status="PARTIALLY_PAID")
    assert (await breakdown(place))["hygieneCount"] == 3


@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Kiritimati", "2026-03-11"), ("Pacific/Pago_Pago", "2026-03-10")]
)
async def test_days_are_those_of_the_organisation(place: Place, zone: str, day: str) -> None:
    await place.organisation(2, time_zone=zone)
    await place.item(due_date="2026-03-10")
    found = await place.get(SCORE)
    assert found["dateKey"] == day
    assert found["breakdown"]["overdueWorkPct"] == (1 if day == "2026-03-11" else 0)


async def test_reading_writes_nothing_and_is_one_statement(place: Place) -> None:
    await make_fixture(place)
    answer = await place.api.get(f"/api/v1{SCORE}")
    assert answer.headers["server-timing"] == "db;desc=1"
    assert await place.sql("SELECT 1 FROM health_snapshot WHERE org_id = :org_id") == []
    assert (await place.get(f"{SCORE}/history"))["items"] == []


async def test_as_of_is_the_newest_fact(place: Place) -> None:
    await place.item()
    place.stand.clock.advance(hours=3)
    found = await place.get(SCORE)
    assert (found["asOf"], found["computedAt"]) == ("2026-03-10T12:00:00Z", "2026-03-10T15:00:00Z")


async def test_computing_keeps_the_day_and_tells_once(place: Place) -> None:
    await place.item(due_date=place.day(-1))
    first = await place.post("/jobs/compute-health-score")
    assert (first["score"], first["trend"]) == (60, None)
    assert await place.post("/jobs/compute-health-score") == first
    [fact] = await place.stand.facts("reporting.health_score.computed.v1")
    assert await place.stand.actions(fact.aggregate_id) == ["COMPUTE", "COMPUTE"]
    assert (fact.message.date_key, fact.message.score, fact.message.HasField("yesterday_score")) == (
        "2026-03-10",
        60,
        False,
    )
    assert (await place.get(f"{SCORE}/history"))["items"] == [
        {"dateKey": "2026-03-10", "score": 60, "breakdown": first["breakdown"]}
    ]


async def test_computing_again_replaces_the_day(place: Place) -> None:
    await place.post("/jobs/compute-health-score")
    await place.item(due_date=place.day(-1))
    await place.post("/jobs/compute-health-score")
    facts = await place.stand.facts("reporting.health_score.computed.v1")
    assert [(fact.version, fact.message.score) for fact in facts] == [(1, 100), (2, 60)]
    assert [day["score"] for day in (await place.get(f"{SCORE}/history"))["items"]] == [60]
    assert await place.stand.actions(facts[0].aggregate_id) == ["COMPUTE", "COMPUTE"]


async def test_trend_is_against_the_snapshot_of_yesterday(place: Place) -> None:
    await place.post("/jobs/compute-health-score")
    place.stand.clock.advance(days=1)
    await place.item(due_date=place.day(-1))
    assert (await place.get(SCORE))["trend"] == {"yesterdayScore": 100, "delta": -40}
    place.stand.clock.advance(days=1)
    assert (await place.get(SCORE))["trend"] is None


async def test_idempotency_key_replays_the_answer(place: Place) -> None:
    key = {"idempotency-key": "once"}
    first = await place.api.post("/api/v1/jobs/compute-health-score", headers=key)
    await place.item(due_date=place.day(-1))
    again = await place.api.post("/api/v1/jobs/compute-health-score", headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
