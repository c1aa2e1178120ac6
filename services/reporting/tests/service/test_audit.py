"""The audit log: what gets in, how it is found, and how it gets out."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from services.reporting.tests.place import NOON, Place

from chassis.ids import new_id
from execos.platform.v1.activity_pb2 import ActivityRecorded, Actor, PermissionDenied
from reporting.store import audit as store


async def actions(place: Place, **query: Any) -> list[str]:
    """The actions of a page of the log, oldest first."""
    found = await place.get("/audit", sortBy="seq", sortDir="asc", **query)
    return [entry["action"] for entry in found["items"]]


async def test_entry_says_who_did_what_and_whence(place: Place) -> None:
    entity_id = await place.activity("MARK_WON", before_json='{"value":1.10}', after_json="null")
    [entry] = (await place.get("/audit"))["items"]
    assert entry["actor"] == {
        "id": str(place.stand.user_id),
        "name": "Test Person",
        "email": "person@test.example",
        "kind": "user",
    }
    assert (entry["seq"], entry["context"], entry["entityType"]) == (1, "sales", "DEAL")
    assert (entry["action"], entry["entityId"]) == ("MARK_WON", str(entity_id))
    assert (entry["before"], entry["after"]) == ({"value": 1.1}, None)
    assert (entry["ip"], entry["userAgent"]) == ("192.0.2.1", "a browser")
    assert (entry["at"], len(entry["hash"])) == ("2026-03-10T12:00:00Z", 64)
    aliases = {"actorUser": "actor", "beforeJson": "before", "afterJson": "after", "createdAt": "at"}
    assert all(entry[alias] == entry[name] for alias, name in aliases.items())


async def test_system_has_no_id(place: Place) -> None:
    await place.activity(actor=Actor(name="Execos", kind="system"), request_id="", ip="", user_agent="")
    [entry] = (await place.get("/audit"))["items"]
    assert entry["actor"] == {"id": None, "name": "Execos", "email": None, "kind": "system"}
    assert (entry["requestId"], entry["ip"], entry["userAgent"]) == (None, None, None)


async def test_denial_is_an_entry(place: Place) -> None:
    actor = Actor(id=str(place.stand.user_id), name="Test Person", kind="user")
    told = PermissionDenied(
        actor=actor,
        role="OPS",
        permission="deals:win",
        method="POST",
        path="/api/v1/deals/{deal_id}/mark-won",
    )
    told.at.FromDatetime(NOON)
    await place.tell(told, place.stand.user_id, context="sales")
    [entry] = (await place.get("/audit", action="PERMISSION_DENIED"))["items"]
    assert (entry["entityType"], entry["entityId"]) == ("PERMISSION", None)
    assert entry["after"] == {
        "method": "POST",
        "path": "/api/v1/deals/{deal_id}/mark-won",
        "permission": "deals:win",
        "role": "OPS",
    }


async def test_our_own_denials_and_activity_come_back_to_us(place: Place) -> None:
    async with place.stand.client("deals:read") as stranger:
        assert (await stranger.get("/api/v1/audit")).status_code == 403
    await place.activity("COMPUTE", context="reporting")
    assert await actions(place) == ["COMPUTE"]
    assert len(await place.stand.facts("reporting.permission.denied.v1")) == 1


async def test_fact_that_arrives_twice_is_one_entry(place: Place) -> None:
    event_id = new_id()
    message = ActivityRecorded(id=str(new_id()), entity_type="DEAL", entity_id=str(new_id()), action="A")
    message.actor.CopyFrom(Actor(name="Execos", kind="system"))
    message.at.FromDatetime(NOON)
    for _ in range(2):
        await place.tell(message, message.entity_id, event_id=event_id, context="sales")
    assert await actions(place) == ["A"]


async def test_too_long_an_address_or_browser_loses_no_entry(place: Place) -> None:
    await place.activity(ip="x" * 500, user_agent="y" * 5000)
    [entry] = (await place.get("/audit"))["items"]
    assert (len(entry["ip"]), len(entry["userAgent"])) == (64, 255)


async def test_filters(place: Place) -> None:
    deal = await place.activity("CREATE")
    other = new_id()
    await place.activity(
        "SEND", "billing", entity_type="INVOICE", actor=Actor(id=str(other), name="O", kind="key")
    )
    assert await actions(place, entityType="INVOICE") == ["SEND"]
    assert await actions(place, entityId=str(deal)) == ["CREATE"]
    assert await actions(place, actor=str(other)) == ["SEND"]
    assert await actions(place, action="CREATE") == ["CREATE"]
    assert await actions(place, action="CREATE", entityType="INVOICE") == []


async def test_days_of_a_filter_are_whole_days_of_the_zone(place: Place) -> None:
    await place.organisation(2, time_zone="Europe/Berlin")
    for hour in (-1, 0, 23, 24):  # around 10 March in Berlin, which is an hour ahead
        at = NOON.replace(hour=0) + timedelta(hours=hour - 1)
        await place.activity(f"AT_{hour}", at=at)
    assert await actions(place, **{"from": "2026-03-10", "to": "2026-03-10"}) == ["AT_0", "AT_23"]
    instants = {"from": "2026-03-10T22:00:00Z", "to": "2026-03-10T23:00:00+00:00"}
    assert await actions(place, **instants) == ["AT_23", "AT_24"]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-03-11", "to": "2026-03-10"},
        {"from": "2026-03-10T12:00:01Z", "to": "2026-03-10T12:00:00Z"},
        {"from": "yesterday"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31T23:59:59-12:00"},
        {"actor": "me"},
        {"action": "x" * 65},
        {"entityType": "\x00"},
        {"sortBy": "hash"},
        {"colour": "red"},
    ],
)
async def test_bad_filters_are_refused(place: Place, query: dict[str, str]) -> None:
    for path in ("/audit", "/audit/export.csv"):
        assert (await place.get(path, 400, **query))["error"]["code"] == "VALIDATION_ERROR"


async def test_pages_and_cursors_are_one_statement(place: Place) -> None:
    for number in range(5):
        await place.activity(f"A{number}")
    answer = await place.api.get("/api/v1/audit?pageSize=2&sortBy=seq")
    assert answer.headers["server-timing"] == "db;desc=1"
    page = answer.json()
    assert ([entry["seq"] for entry in page["items"]], page["total"]) == ([5, 4], 5)
    assert page["asOf"] == "2026-03-10T12:00:00Z"
    following = await place.get("/audit", cursor=page["nextCursor"], limit=2, sortBy="seq")
    assert [entry["seq"] for entry in following["items"]] == [3, 2]
    assert "total" not in following


async def test_nothing_of_another_organisation(place: Place) -> None:
    await place.activity()
    async with place.stand.client(org_id=place.elsewhere()) as stranger:
        assert (await stranger.get("/api/v1/audit")).json()["items"] == []
        verified = (await stranger.get("/api/v1/audit/verify")).json()
        assert (verified["ok"], verified["checked"], verified["lastSeq"]) == (True, 0, None)
        assert len((await stranger.get("/api/v1/audit/export.csv")).text.splitlines()) == 1


async def test_entries_at_the_same_time_make_one_chain(place: Place) -> None:
    await asyncio.gather(*(place.activity(f"A{number}") for number in range(20)))
    verified = await place.get("/audit/verify")
    assert (verified["ok"], verified["checked"], verified["lastSeq"]) == (True, 20, 20)


async def rows(place: Place, **query: str) -> list[dict[str, str]]:
    """The export as a spreadsheet reads it."""
    answer = await place.api.get("/api/v1/audit/export.csv", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_export_has_every_line_in_order(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BATCH", 2)
    store._export.cache_clear()
    for number in range(5):
        await place.activity(f"A{number}")
    try:
        exported = await rows(place)
    finally:
        store._export.cache_clear()
    assert [row["action"] for row in exported] == ["A0", "A1", "A2", "A3", "A4"]
    assert exported[0]["actorEmail"] == "person@test.example"
    assert exported[0]["createdAt"] == "2026-03-10T12:00:00Z"


async def test_export_filters_by_day_and_names_the_file(place: Place) -> None:
    await place.activity("BEFORE", at=NOON - timedelta(days=400))
    await place.activity("WITHIN")
    assert [row["action"] for row in await rows(place)] == ["WITHIN"]
    query = {"from": "2026-03-10", "to": "2026-03-10"}
    answer = await place.api.get("/api/v1/audit/export.csv", params=query)
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-2026-03-10-2026-03-10.csv"'
    assert await rows(place, action="BEFORE", **{"from": "2025-01-01", "to": "2025-02-28"}) != []


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1"])
async def test_export_has_no_formulas(place: Place, name: str) -> None:
    await place.activity(actor=Actor(name=name, kind="user"))
    [row] = await rows(place)
    assert row["actorName"] == "'" + name


async def test_export_of_more_than_a_year_is_refused(place: Place) -> None:
    query = {"from": "2025-03-09", "to": "2026-03-10"}
    assert (await place.get("/audit/export.csv", 400, **{**query, "to": "2026-03-11"}))["error"]["details"]
    assert await rows(place, **query) == []


async def test_export_needs_a_permission_of_its_own(place: Place) -> None:
    async with place.stand.client("audit:read") as reader:
        assert (await reader.get("/api/v1/audit")).status_code == 200
        assert (await reader.get("/api/v1/audit/verify")).status_code == 200
        assert (await reader.get("/api/v1/audit/export.csv")).status_code == 403
