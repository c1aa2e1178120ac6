"""Explanations and the history of the score: out of snapshots, never out of the rows of today."""

from typing import Any

import pytest
from services.reporting.tests.place import Place

EXPLAIN, HISTORY = "/ceo/health-score/explain", "/ceo/health-score/history"


async def two_days(place: Place) -> None:
    """A perfect day, and one with two things gone wrong."""
    await place.post("/jobs/compute-health-score")
    place.stand.clock.advance(days=1)
    await place.item(due_date=place.day(-1))
    await place.deal(owner_user_id=None)
    for _ in range(4):
        await place.item(due_date=None)
    await place.post("/jobs/compute-health-score")


async def test_explanation_names_what_got_worse_by_impact(place: Place) -> None:
    await two_days(place)
    found = await place.get(EXPLAIN)
    assert (found["dateKey"], found["todayScore"], found["yesterdayScore"]) == ("2026-03-11", 91, 100)
    assert (found["delta"], found["notes"]) == (-9, ["The score is 9 points lower than the day before."])
    assert [(driver["key"], driver["impactPoints"]) for driver in found["drivers"]] == [
        ("OVERDUE_WORK", 8),
        ("HYGIENE", 1),
    ]
    assert found["drivers"][0] == {
        "key": "OVERDUE_WORK",
        "title": "Overdue work",
        "summary": "Overdue work worsened from 0% to 20%.",
        "impactPoints": 8,
        "before": {"metricValue": 0.0, "penalty": 0},
        "after": {"metricValue": 0.2, "penalty": 8},
        "deepLink": "/ops/work/list?due=overdue",
    }
    assert found["breakdown"]["today"]["hygieneCount"] == 5
    assert found["breakdown"]["yesterday"]["hygieneCount"] == 0


async def test_explanation_of_a_day_is_the_same_whatever_happens_later(place: Place) -> None:
    await two_days(place)
    found = await place.get(EXPLAIN, date="2026-03-11")
    place.stand.clock.advance(days=40)
    await place.item(due_date=place.day(-1))
    later = await place.get(EXPLAIN, date="2026-03-11")
    assert {**later, "asOf": None} == {**found, "asOf": None}


async def test_today_without_a_snapshot_is_the_present(place: Place) -> None:
    await place.item(due_date=place.day(-1))
    found = await place.get(EXPLAIN)
    assert (found["todayScore"], found["yesterdayScore"], found["delta"]) == (60, None, None)
    assert (found["drivers"], found["breakdown"]["yesterday"]) == ([], None)
    assert found["notes"] == ["There is no score of the day before to compare with."]
    assert (await place.get(HISTORY))["items"] == []


@pytest.mark.parametrize("day", ["2026-03-09", "2026-03-11", "2030-01-01"])
async def test_other_days_without_a_snapshot_are_not_found(place: Place, day: str) -> None:
    await place.item(due_date=place.day(-1))
    assert (await place.get(EXPLAIN, 404, date=day))["error"]["code"] == "NOT_FOUND"


async def test_same_score_and_better_score_are_said(place: Place) -> None:
    await place.post("/jobs/compute-health-score")
    place.stand.clock.advance(days=1)
    assert (await place.get(EXPLAIN))["notes"] == ["The score is the same as the day before."]
    await place.item(due_date=place.day(-1))
    await place.post("/jobs/compute-health-score")
    place.stand.clock.advance(days=1)
    await place.organisation(2)
    for number in range(3):
        await place.item(title=str(number))
    found = await place.get(EXPLAIN)
    assert (found["delta"], found["drivers"]) == (30, [])
    assert found["notes"] == ["The score is 30 points higher than the day before."]


async def days(place: Place, **query: Any) -> list[str]:
    """The days of a history."""
    return [day["dateKey"] for day in (await place.get(HISTORY, **query))["items"]]


async def test_history_is_a_range_of_days_oldest_first(place: Place) -> None:
    for _ in range(3):
        await place.post("/jobs/compute-health-score")
        place.stand.clock.advance(days=1)
    assert await days(place) == ["2026-03-10", "2026-03-11", "2026-03-12"]
    assert await days(place, **{"from": "2026-03-11"}) == ["2026-03-11", "2026-03-12"]
    assert await days(place, to="2026-03-10") == ["2026-03-10"]
    assert await days(place, **{"from": "2026-03-11", "to": "2026-03-11"}) == ["2026-03-11"]
    place.stand.clock.advance(days=28)
    assert await days(place) == ["2026-03-12"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (EXPLAIN, {"date": "soon"}),
        (EXPLAIN, {"date": "0001-01-01"}),
        (EXPLAIN, {"day": "2026-03-10"}),
        (HISTORY, {"from": "2026-03-11", "to": "2026-03-10"}),
        (HISTORY, {"from": "2024-03-11", "to": "2026-03-10"}),
        (HISTORY, {"to": "9999-12-31"}),
    ],
)
async def test_bad_days_are_refused(place: Place, path: str, query: dict[str, Any]) -> None:
    assert (await place.get(path, 400, **query))["error"]["code"] == "VALIDATION_ERROR"
