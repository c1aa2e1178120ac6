"""Lists: filters, order, pages, and one statement whatever their size."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing.store.invoices import _LIST as LIST
from chassis.auth import system_actor
from chassis.ids import new_id


async def search(office: Any, query: str = "") -> dict[str, Any]:
    answer = await office.http.get(f"/api/v1/invoices?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_list_is_by_due_date_latest_first(office: Any):
    for day in ("2199-01-02", "2199-01-03", "2199-01-01"):
        await office.draft(dueDate=day)
    assert [item["dueDate"][-1] for item in (await search(office))["items"]] == ["3", "2", "1"]
    assert [item["dueDate"][-1] for item in (await search(office, "sortDir=asc"))["items"]] == ["1", "2", "3"]


@pytest.mark.parametrize("key", ["dueDate", "createdAt", "amount", "status", "invoiceNumber"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_cursor_walks_the_same_order_as_pages(office: Any, key: str, direction: str):
    for amount in ("3.00", "1.00", "2.00"):
        draft = await office.draft(amount=amount)
        if amount != "2.00":
            await office.act(draft, "send")
    order = f"sortBy={key}&sortDir={direction}"
    whole = [item["id"] for item in (await search(office, f"{order}&pageSize=10"))["items"]]
    walked: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await search(office, f"{order}&limit=1&cursor={cursor}")
        walked += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"]
    assert walked == whole


async def test_filters_narrow(office: Any):
    other = office.sales.add_company(office.org_id)
    deal = office.sales.add_deal(office.org_id, other)
    await office.draft()
    wanted = await office.draft(companyId=str(other.id), dealId=str(deal.id))
    for query in (f"companyId={other.id}", f"dealId={deal.id}", f"companyId={other.id}&status=DRAFT"):
        assert [item["id"] for item in (await search(office, query))["items"]] == [wanted["id"]]
    assert (await search(office, f"dealId={deal.id}&status=PAID"))["totalCount"] == 0


@pytest.mark.parametrize(
    "query", ["status=LATE", "sortBy=notes", "companyId=x", "page=0", "pageSize=101", "x=1", "cursor=!"]
)
async def test_bad_queries_are_refused(office: Any, query: str):
    assert (await office.http.get(f"/api/v1/invoices?{query}")).status_code == 400


async def test_statements_do_not_grow_with_the_page(office: Any):
    for _ in range(12):
        await office.draft()
    for size in (1, 10):
        answer = await office.http.get(f"/api/v1/invoices?pageSize={size}")
        assert (answer.headers["server-timing"], len(answer.json()["items"])) == ("db;desc=1", size)


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan that read a table."""
    if "Relation Name" in plan:
        yield plan
    for part in plan.get("Plans", ()):
        yield from scans(part)


@pytest.mark.parametrize(
    "filters", [{}, {"status": "OVERDUE"}, {"company_id": new_id()}, {"deal_id": new_id()}]
)
async def test_list_walks_no_other_tenants_rows(office: Any, filters: dict[str, Any]):
    """Every table of the very statement that the list runs is read by an index that begins with the organisation."""
    query = LIST._compiled("dueDate", "desc", frozenset(filters), "page")
    given = {
        "org_id": office.org_id,
        "now": office.stand.clock.now,
        "row_limit": 20,
        "row_offset": 0,
    } | filters
    async with office.stand.runtime.source.reading(system_actor(office.org_id)) as reading:
        driver = (await reading._begun()).driver
        await driver.execute("SET LOCAL enable_seqscan = off")
        explained = await driver.execute("EXPLAIN (FORMAT JSON) " + query.sql, query.values(given))
        ((plan,),) = await explained.fetchall()
    found = list(scans(plan[0]["Plan"]))
    assert {node["Relation Name"] for node in found} >= {"invoice"}
    assert not [
        node for node in found if "org_id" not in node.get("Index Cond", node.get("Recheck Cond", ""))
    ]
