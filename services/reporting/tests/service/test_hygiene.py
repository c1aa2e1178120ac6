"""The hygiene inbox: one row for each untidy entity, and only what the reader may read elsewhere."""

from typing import Any

import pytest
from services.reporting.tests.place import Place

from execos.platform.v1.values_pb2 import Money

INBOX = "/hygiene/inbox"


async def issues(place: Place) -> dict[str, list[str]]:
    """Titles of the bare array with their issues."""
    return {row["title"]: row["issues"] for row in await place.get(INBOX)}


async def test_what_is_in_order_is_not_there(place: Place) -> None:
    await place.item()
    await place.deal()
    await place.invoice()
    await place.item(status="DONE", due_date=None, assigned_to_user_id=None)
    await place.invoice(status="DRAFT", due_date=place.day(-5), locked_at=None)
    await place.deal(stage="LOST", owner_user_id=None)
    assert await place.get(INBOX) == []


async def test_entity_is_one_row_with_all_its_issues(place: Place) -> None:
    item_id = await place.item(due_date=place.day(-2), assigned_to_user_id=None)
    [row] = await place.get(INBOX)
    assert row == {
        "entityType": "WORK_ITEM",
        "entityId": str(item_id),
        "id": str(item_id),
        "title": "Paint the fence",
        "type": "WORK_OVERDUE",
        "issues": ["WORK_OVERDUE", "WORK_UNASSIGNED"],
        "status": "TODO",
        "dueDate": place.day(-2),
        "createdAt": "2026-03-10T12:00:00Z",
        "owner": None,
        "assignedToUser": None,
        "company": None,
        "amount": None,
        "currency": None,
        "suggestedActions": ["NUDGE_OWNER", "CHANGE_DUE_DATE", "ASSIGN_OWNER"],
    }


async def test_every_issue(place: Place) -> None:
    await place.item(title="late", due_date=place.day(-1))
    await place.item(title="nobody's", assigned_to_user_id=None)
    await place.item(title="undated", due_date=None)
    await place.deal(title="ownerless", owner_user_id=None)
    await place.invoice(invoice_number="owed", due_date=place.day(-1))
    await place.invoice(invoice_number="open", locked_at=None)
    await place.invoice(invoice_number="both", due_date=place.day(-3), locked_at=None)
    assert await issues(place) == {
        "late": ["WORK_OVERDUE"],
        "nobody's": ["WORK_UNASSIGNED"],
        "undated": ["WORK_UNDATED"],
        "ownerless": ["DEAL_WITHOUT_OWNER"],
        "owed": ["INVOICE_OVERDUE"],
        "open": ["INVOICE_UNLOCKED"],
        "both": ["INVOICE_OVERDUE", "INVOICE_UNLOCKED"],
    }


async def test_longest_overdue_comes_first_and_undated_last(place: Place) -> None:
    await place.item(title="undated", due_date=None)
    await place.item(title="yesterday", due_date=place.day(-1))
    await place.invoice(invoice_number="last week", due_date=place.day(-7))
    assert list(await issues(place)) == ["last week", "yesterday", "undated"]


async def test_invoice_shows_what_is_owed_and_by_whom(place: Place) -> None:
    await place.invoice(amount=10_000, balance=Money(minor=2_550, currency="EUR"), due_date=place.day(-1))
    [row] = await place.get(INBOX)
    assert (row["amount"], row["currency"], row["company"]["name"]) == ("25.50", "EUR", "Kunde & Co")


async def test_owner_is_the_member_as_known_now(place: Place) -> None:
    olga = await place.member()
    await place.item(due_date=place.day(-1), assigned_to_user_id=str(olga))
    [row] = await place.get(INBOX)
    assert row["owner"]["name"] == row["assignedToUser"]["name"] == "Olga Owner"


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (("work-items:read",), {"WORK_ITEM"}),
        (("work-items:*", "timeline:read"), {"WORK_ITEM"}),
        (("invoices:read", "deals:read"), {"INVOICE", "DEAL"}),
        ((), set()),
        (("*",), {"WORK_ITEM", "INVOICE", "DEAL"}),
    ],
)
async def test_rights_in_the_inbox_are_the_rights_in_the_app(
    place: Place, scope: tuple[str, ...], seen: set[str]
) -> None:
    await place.item(due_date=place.day(-1))
    await place.invoice(due_date=place.day(-1))
    await place.deal(owner_user_id=None)
    async with place.stand.client("hygiene:read", *scope) as reader:
        found = (await reader.get(f"/api/v1{INBOX}")).json()
        assert {row["entityType"] for row in found} == seen
        page = (await reader.get(f"/api/v1{INBOX}?page=1")).json()
        assert (page["total"], {row["entityType"] for row in page["items"]}) == (len(seen), seen)


async def test_page_has_counts_and_says_how_fresh_it_is(place: Place) -> None:
    for number in range(5):
        await place.item(title=str(number), due_date=place.day(number - 9))
    answer = await place.api.get(f"/api/v1{INBOX}?page=2&pageSize=2")
    page: dict[str, Any] = answer.json()
    assert [row["title"] for row in page["items"]] == ["2", "3"]
    assert (page["totalCount"], page["asOf"]) == (5, "2026-03-10T12:00:00Z")
    assert answer.headers["server-timing"] == "db;desc=1"
    following = await place.get(INBOX, cursor=page["nextCursor"], limit=2)
    assert [row["title"] for row in following["items"]] == ["4"]
    assert (await place.get(INBOX, page=1, sortBy="createdAt", sortDir="desc"))["total"] == 5


async def test_bare_array_is_one_statement_of_at_most_200(place: Place) -> None:
    await place.sql(
        "INSERT INTO known_work_item (org_id, id, version, event_id, title, kind, status, priority, created_at,"
        " updated_at) SELECT :org_id, gen_random_uuid(), 1, gen_random_uuid(), 'x', 'general', 'TODO', 2, now(), now()"
        " FROM generate_series(1, 250)"
    )
    answer = await place.api.get(f"/api/v1{INBOX}")
    assert (len(answer.json()), answer.headers["server-timing"]) == (200, "db;desc=1")
    assert (await place.get(INBOX, page=3, pageSize=100))["total"] == 250


async def test_nothing_of_another_organisation(place: Place) -> None:
    await place.item(due_date=None)
    async with place.stand.client(org_id=place.elsewhere()) as stranger:
        assert (await stranger.get(f"/api/v1{INBOX}")).json() == []


@pytest.mark.parametrize("query", ["page=0", "pageSize=101", "sortBy=title", "cursor=x", "colour=red"])
async def test_bad_pages_are_refused(place: Place, query: str) -> None:
    answer = await place.api.get(f"/api/v1{INBOX}?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
