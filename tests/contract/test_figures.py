"""One meaning of stale and of overdue: the service that owns a row and reporting see the same, at every moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.contract import recipes
from tests.contract.organisations import Json, Organisation
from tests.contract.platform import Platform

BEGIN = datetime.fromisoformat("2026-03-10T12:00:00+00:00")
OVERDUE_AFTER_DAYS, STALE_AFTER_DAYS = 2, 3
MOMENT = timedelta(seconds=1)
ZONES = ("Pacific/Auckland", "America/Los_Angeles", "UTC")


@pytest.fixture
def clocks(platform: Platform) -> Iterator[Platform]:
    """The platform at noon of a day; afterwards it is now again."""
    moving = [stand for name, stand in platform.stands.items() if name != "identity"]
    before = [stand.clock.now for stand in moving]
    for stand in moving:
        stand.clock.now = BEGIN
    yield platform
    for stand, now in zip(moving, before, strict=True):
        stand.clock.now = now


@dataclass
class Seen:
    """What is stale or overdue at a moment, as the owner of the rows says it and as reporting does."""

    owners: dict[str, Any]
    reporting: dict[str, Any]


async def _furnished(platform: Platform, zone: str) -> Organisation:
    """Deals, work and invoices that become stale and overdue one after another."""
    org = await Organisation.founded(platform)
    client = await org.client()
    assert (await client.patch("/api/v1/org", json={"timeZone": zone})).status_code == 200
    policies = await org.get("/settings/policies")
    wanted = {"overdueAfterDays": OVERDUE_AFTER_DAYS, "staleDealAfterDays": STALE_AFTER_DAYS}
    assert (await client.put("/api/v1/settings/policies", json=policies | wanted)).status_code == 200
    await platform.carry(org.id)
    company = await recipes.company(org)
    for days in range(1, 4):
        due = (BEGIN.date() + timedelta(days=days)).isoformat()
        await org.post(
            "/work-items", {"title": org.name("Item"), "assignedToUserId": str(org.owner.id), "dueDate": due}
        )
        invoice = await org.post(
            "/invoices", {"companyId": company["id"], "amount": f"{days}0.00", "dueDate": due}
        )
        if days > 1:  # the first one stays a draft, which is never overdue
            await org.post(f"/invoices/{invoice['id']}/send")
        platform.stands["sales"].clock.advance(hours=days)
        await recipes.deal(org)
    await org.post(f"/deals/{(await recipes.deal(org))['id']}/mark-lost")
    done = await recipes.item(org)
    await org.post(f"/work-items/{done['id']}/complete")
    await platform.carry(org.id)
    return org


def _moments(zone: str) -> Iterator[datetime]:
    """Just before and after every midnight there, and around the moments at which deals become stale."""
    for days in range(8):
        midnight = datetime.combine(BEGIN.date() + timedelta(days=days), time.min, ZoneInfo(zone))
        yield from (midnight - MOMENT, midnight)
    for hours in (1, 3, 6):
        edge = BEGIN + timedelta(hours=hours, days=STALE_AFTER_DAYS)
        yield from (edge - MOMENT, edge, edge + MOMENT)


async def _look(org: Organisation) -> Seen:
    deals = (await org.get("/deals?pageSize=100"))["items"]
    items = (await org.get("/work-items?pageSize=100"))["items"]
    invoices = (await org.get("/invoices?pageSize=100"))["items"]
    overdue = [each for each in invoices if each["effectiveStatus"] == "OVERDUE"]
    owners = {
        "items": _ids(each for each in items if each["isOverdue"]),
        "listed items": _ids((await org.get("/work-items?due=overdue&pageSize=100"))["items"]),
        "invoices": _ids(overdue),
        "listed invoices": _ids((await org.get("/invoices?status=OVERDUE&pageSize=100"))["items"]),
        "owed": sum((Decimal(each["totals"]["balance"]) for each in overdue), Decimal()),
        "stale": sum(each["isStale"] for each in deals),
    }
    untidy = await org.get("/hygiene/inbox")
    late_items = _with_issue(untidy, "WORK_OVERDUE")
    late_invoices = _with_issue(untidy, "INVOICE_OVERDUE")
    open_deals = sum(each["stage"] == "OPEN" for each in deals)
    breakdown = (await org.get("/ceo/health-score"))["breakdown"]
    kpis = (await org.get("/dashboard/ceo"))["kpis"]
    assert kpis["overdueWorkCount"] == len(late_items)
    reporting = {
        "items": late_items,
        "listed items": late_items,
        "invoices": late_invoices,
        "listed invoices": late_invoices,
        "owed": Decimal(kpis["invoicesOverdueTotal"]),
        "stale": round(breakdown["staleDealsPct"] * open_deals, 6),
    }
    assert breakdown["thresholds"] == {"staleDays": STALE_AFTER_DAYS, "overdueAfterDays": OVERDUE_AFTER_DAYS}
    return Seen(owners, reporting)


def _ids(rows: Any) -> set[str]:
    return {row["id"] for row in rows}


def _with_issue(untidy: list[Json], issue: str) -> set[str]:
    return {row["entityId"] for row in untidy if issue in row["issues"]}


@pytest.mark.parametrize("zone", ZONES)
async def test_stale_and_overdue_mean_the_same_everywhere(zone: str, clocks: Platform):
    org = await _furnished(clocks, zone)
    history = []
    for moment in sorted(_moments(zone)):
        if moment < BEGIN + timedelta(hours=6):
            continue  # not everything is there yet
        for name in ("sales", "work", "billing", "reporting"):
            clocks.stands[name].clock.now = moment
        seen = await _look(org)
        assert seen.reporting == seen.owners, moment
        history.append(seen.owners)
    assert {len(each["items"]) for each in history} == {0, 1, 2, 3}
    assert {len(each["invoices"]) for each in history} == {0, 1, 2}
    assert {each["stale"] for each in history} == {0, 1, 2, 3}
