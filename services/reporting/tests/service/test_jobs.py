"""Jobs of all services at one counter, and the daily score."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from services.reporting.tests.place import NOON, Place

from chassis.ids import new_id
from reporting.jobs import list_due
from reporting.settings import ReportingSettings

OWN = "reporting.compute-health-score"


@pytest.fixture
def place(place: Place) -> Place:
    """The peers have jobs."""
    place.peers["billing"].add_job("lock-invoices")
    place.peers["work"].add_job("remind")
    return place


async def test_jobs_of_all_services_are_listed(place: Place) -> None:
    found = await place.get("/jobs")
    assert [job["name"] for job in found["items"]] == ["billing.lock-invoices", OWN, "work.remind"]
    assert (found["unavailable"], found["asOf"]) == ([], "2026-03-10T12:00:00Z")
    own = found["items"][1]
    assert (own["schedule"], own["lastRun"], own["nextRun"]) == ("*/15 * * * *", None, "2026-03-10T12:15:00Z")


async def run_with_key(place: Place, key: str, name: str = OWN) -> httpx2.Response:
    """The answer to starting a job."""
    headers = {"idempotency-key": key}
    return await place.api.post("/api/v1/jobs/run", json={"name": name}, headers=headers)


async def test_service_that_is_away_is_named(place: Place) -> None:
    place.peers["billing"].is_away = True
    found = await place.get("/jobs")
    assert [job["name"] for job in found["items"]] == [OWN, "work.remind"]
    assert found["unavailable"] == ["billing"]


async def test_run_is_queued_and_can_be_looked_at(place: Place) -> None:
    answer = await place.api.post("/api/v1/jobs/run", json={"name": "billing.lock-invoices"})
    run = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/jobs/runs/{run['id']}")
    assert (run["name"], run["status"]) == ("billing.lock-invoices", "queued")
    assert run["asOf"] == "2026-03-10T12:00:00Z"
    assert await place.get(f"/jobs/runs/{run['id']}") == run
    del run["asOf"]
    assert (await place.get("/jobs/runs", name="billing.lock-invoices"))["items"] == [run]
    assert (await place.get("/jobs"))["items"][0]["lastRun"] == run


async def test_own_job_runs_for_this_organisation(place: Place) -> None:
    await place.item(due_date=place.day(-1))
    run = await place.post("/jobs/run", {"name": OWN}, 202)
    assert await place.stand.run_deferred() == ["compute-health-score/organisation"]
    assert (await place.get(f"/jobs/runs/{run['id']}"))["status"] == "succeeded"
    assert [day["score"] for day in (await place.get("/ceo/health-score/history"))["items"]] == [60]


async def test_repeated_request_starts_one_run(place: Place) -> None:
    for name in ("billing.lock-invoices", OWN):
        first, again = [await run_with_key(place, name, name) for _ in range(2)]
        assert (first.status_code, again.status_code) == (202, 202)
        assert (again.json(), again.headers["location"]) == (first.json(), first.headers["location"])
        assert again.headers["idempotency-replayed"] == "true"
        runs = (await place.get("/jobs/runs", name=name))["items"]
        assert [run["id"] for run in runs] == [first.json()["id"]]


async def test_repeated_request_is_answered_as_before_when_its_run_is_over(place: Place) -> None:
    first = await run_with_key(place, "k")
    await place.stand.run_deferred()
    assert (await run_with_key(place, "k")).json() == first.json()
    place.stand.clock.advance(seconds=1)
    assert (await place.post("/jobs/run", {"name": OWN}, 202))["id"] != first.json()["id"]


async def test_key_of_another_request_starts_nothing(place: Place) -> None:
    await run_with_key(place, "k")
    answer = await run_with_key(place, "k", "billing.lock-invoices")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await place.get("/jobs/runs", name="billing.lock-invoices"))["items"] == []


async def test_request_whose_answer_was_lost_starts_one_run(place: Place) -> None:
    for name in ("billing.lock-invoices", OWN):
        first = await run_with_key(place, name, name)
        await place.sql("DELETE FROM idempotency WHERE org_id = :org_id")
        assert (await run_with_key(place, name, name)).json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    "name", ["billing.nothing", "nobody.lock-invoices", "reporting.seal-audit-log", "x", "."]
)
async def test_unknown_job_is_not_found(place: Place, name: str) -> None:
    assert (await place.post("/jobs/run", {"name": name}, 404))["error"]["code"] == "NOT_FOUND"
    assert (await place.get("/jobs/runs", 404, name=name))["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "x" * 129}, {"name": OWN, "force": True}, {"name": None}]
)
async def test_bad_body_is_refused(place: Place, body: dict[str, Any]) -> None:
    assert (await place.post("/jobs/run", body, 400))["error"]["code"] == "VALIDATION_ERROR"


async def test_service_that_is_away_cannot_be_told(place: Place) -> None:
    place.peers["billing"].is_away = True
    for answer in (
        await place.api.post("/api/v1/jobs/run", json={"name": "billing.lock-invoices"}),
        await place.api.get("/api/v1/jobs/runs?name=billing.lock-invoices"),
        await place.api.get(f"/api/v1/jobs/runs/{new_id()}"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) >= 1


async def test_run_of_another_organisation_is_not_found(place: Place) -> None:
    run = await place.post("/jobs/run", {"name": "billing.lock-invoices"}, 202)
    async with place.stand.client(org_id=place.elsewhere()) as stranger:
        assert (await stranger.get(f"/api/v1/jobs/runs/{run['id']}")).status_code == 404


async def is_due(place: Place) -> bool:
    """Whether the job would run for the organisation now."""
    return place.org_id in set(await list_due(place.stand.runtime))


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC", 0), ("Asia/Kathmandu", -345), ("America/St_Johns", 150)]
)
async def test_score_of_the_day_is_due_from_two_in_the_morning(place: Place, zone: str, offset: int) -> None:
    await place.organisation(2, time_zone=zone)
    two = NOON.replace(hour=2) + timedelta(minutes=offset)
    place.stand.clock.now = two - timedelta(minutes=1)
    assert not await is_due(place)
    place.stand.clock.now = two
    assert await is_due(place)
    await place.stand.run_periodic("compute-health-score")
    assert not await is_due(place)
    place.stand.clock.now = two + timedelta(days=1, hours=-3)  # 23:00 of the same day
    assert not await is_due(place)
    place.stand.clock.now = two + timedelta(days=1)
    assert await is_due(place)


async def test_score_is_not_due_for_the_archived(place: Place) -> None:
    await place.organisation(2, status="archived")
    assert not await is_due(place)


async def test_job_of_a_day_runs_once_however_often_it_is_started(place: Place) -> None:
    await asyncio.gather(*(place.stand.run_periodic("compute-health-score") for _ in range(4)))
    assert len((await place.get("/ceo/health-score/history"))["items"]) == 1
    assert len(await place.stand.facts("reporting.health_score.computed.v1")) == 1


async def test_without_a_key_nothing_is_sealed(place: Place) -> None:
    runtime = place.stand.runtime
    runtime.parts[ReportingSettings] = runtime.part(ReportingSettings).model_copy(update={"audit_key": None})
    await place.activity()
    await place.stand.run_periodic("seal-audit-log")
    found = await place.get("/audit/verify")
    assert (found["ok"], found["sealedSeq"]) == (True, None)


async def test_system_is_who_the_job_acts_as(place: Place) -> None:
    await place.stand.run_periodic("compute-health-score")
    [fact] = await place.stand.facts("reporting.activity.recorded.v1")
    assert (fact.message.actor.kind, fact.message.entity_type, fact.message.action) == (
        "system",
        "HEALTH_SCORE",
        "COMPUTE",
    )
