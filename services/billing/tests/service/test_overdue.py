"""Overdue: one meaning for the filter and for every row, on the organisation's day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

TODAY = date(2026, 7, 1)
STATUSES = ("DRAFT", "SENT", "PARTIALLY_PAID", "PAID", "OVERDUE", "VOID")


@pytest.fixture
async def ledger(office: Any) -> Any:
    """Invoices of every state, due from two days before the organisation's today to one day after it."""
    office.stand.clock.now = datetime(
        2026, 6, 30, 22, 30, tzinfo=UTC
    )  # half past midnight on 1 July in Berlin
    for days in (-2, -1, 0, 1):
        due = {"issueDate": "2026-06-01", "dueDate": (TODAY + timedelta(days=days)).isoformat()}
        await office.draft(**due)
        await office.sent(**due)
        await office.pay(await office.sent(**due), "1.00", f"part {days}")
        await office.act(await office.sent(**due), "mark-paid")
        await office.act(await office.sent(**due), "void", {"reason": "mistake"})
    return office


async def search(office: Any, query: str) -> list[dict[str, Any]]:
    answer = await office.http.get(f"/api/v1/invoices?pageSize=100&{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["server-timing"] == "db;desc=1"
    page = answer.json()
    assert page["totalCount"] == len(page["items"])
    return page["items"]


@pytest.mark.parametrize("grace_days", [0, 1])
async def test_filter_and_rows_agree(ledger: Any, grace_days: int):
    await ledger.policies(overdue_after_days=grace_days)
    everything = await search(ledger, "")
    assert len(everything) == 20
    for item in everything:
        is_late = date.fromisoformat(item["dueDate"]) + timedelta(days=grace_days) < TODAY
        is_owed = item["status"] in {"SENT", "PARTIALLY_PAID"}
        assert item["effectiveStatus"] == ("OVERDUE" if is_owed and is_late else item["status"])
    for status in STATUSES:
        expected = {item["id"] for item in everything if item["effectiveStatus"] == status}
        found = await search(ledger, f"status={status}")
        assert {item["id"] for item in found} == expected, status
        assert len(expected) > 0, status


async def test_stored_status_is_another_filter(ledger: Any):
    sent = await search(ledger, "storedStatus=SENT")
    assert {item["effectiveStatus"] for item in sent} == {"SENT", "OVERDUE"}
    late = await search(ledger, "storedStatus=SENT&status=OVERDUE")
    assert {item["dueDate"] for item in late} == {"2026-06-29", "2026-06-30"}


async def test_day_is_that_of_the_organisation(ledger: Any):
    assert len(await search(ledger, "status=OVERDUE")) == 4
    ledger.stand.clock.now = datetime(2026, 6, 30, 21, 30, tzinfo=UTC)  # still June in Berlin
    assert len(await search(ledger, "status=OVERDUE")) == 2


async def test_single_read_says_the_same(ledger: Any):
    for item in await search(ledger, ""):
        answer = await ledger.http.get(f"/api/v1/invoices/{item['id']}")
        assert answer.headers["server-timing"] == "db;desc=1"
        single = answer.json()
        assert {name: single[name] for name in item} == item
