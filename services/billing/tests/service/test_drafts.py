"""Drafts: what may be written, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.facts import to_json
from chassis.ids import new_id

LINE = {"description": "Work", "quantity": "2.5", "unit": "h", "unitPrice": "80.00", "taxBasisPoints": 1900}


async def post(office: Any, **body: Any) -> tuple[int, dict[str, Any]]:
    plain = {"companyId": str(office.company.id), "dueDate": "2199-12-31"}
    answer = await office.http.post("/api/v1/invoices", json=plain | body)
    return answer.status_code, answer.json()


async def test_flat_amount_makes_one_line(office: Any):
    draft = await office.draft(amount=1250.5, invoiceNumber="PO-77", notes="call first")
    assert (draft["amount"], draft["currency"], draft["status"]) == ("1250.50", "EUR", "DRAFT")
    assert (draft["reference"], draft["invoiceNumber"], draft["notes"]) == ("PO-77", None, "call first")
    assert [(line["description"], line["gross"]) for line in draft["lines"]] == [("Services", "1250.50")]
    assert draft["company"] == {"id": str(office.company.id), "name": "Buyer"}
    assert draft["createdByUser"]["name"] == "Test Person"
    assert (draft["deal"], draft["seller"], draft["buyer"], draft["isLocked"]) == (None, None, None, False)


async def test_lines_make_totals(office: Any):
    free = {"description": "Consulting", "unitPrice": "0.05", "quantity": 3, "taxBasisPoints": 700}
    draft = await office.draft(lines=[LINE, free])
    assert draft["totals"] == {
        "net": "200.15",
        "taxes": [
            {"taxRateId": None, "name": "7 %", "basisPoints": 700, "taxable": "0.15", "tax": "0.01"},
            {"taxRateId": None, "name": "19 %", "basisPoints": 1900, "taxable": "200.00", "tax": "38.00"},
        ],
        "gross": "238.16",
        "paid": "0.00",
        "credited": "0.00",
        "balance": "238.16",
    }
    assert draft["lines"][0] | {"unitPrice": "80.00"} == {
        "description": "Work", "quantity": "2.500", "unit": "h", "unitPrice": "80.00", "discountAmount": None,
        "discountPercent": None, "taxRateId": None, "taxBasisPoints": 1900,
        "net": "200.00", "tax": "38.00", "gross": "238.00",
    }  # fmt: skip


async def test_creation_answers_201_with_location_and_tells(office: Any):
    answer = await office.http.post(
        "/api/v1/invoices", json={"companyId": str(office.company.id), "amount": "1", "dueDate": "2199-12-31"}
    )
    draft = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/invoices/{draft['id']}")
    assert answer.headers["etag"] == '"1"'
    assert await office.told() == ["invoice.created"]
    assert await office.stand.actions(draft["id"]) == ["CREATE"]
    fact = (await office.stand.facts("billing.invoice.created.v1"))[0].message.invoice
    assert (fact.gross.minor, fact.gross.currency, fact.company.name, fact.status) == (
        100,
        "EUR",
        "Buyer",
        "DRAFT",
    )
    assert await office.read(draft) == draft


async def test_currency_comes_from_the_organisation(office: Any):
    office.identity.add_organisation(office.org_id, currency="JPY")
    status, draft = await post(office, amount="1200")
    assert (status, draft["currency"], draft["amount"]) == (201, "JPY", "1200")


async def test_issue_date_is_today_in_the_zone_of_the_organisation(office: Any):
    office.stand.clock.now = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)  # already July in Berlin
    _, draft = await post(office, amount="1")
    assert draft["issueDate"] == "2026-07-01"


async def test_issue_date_is_not_after_the_due_date_unless_said_so(office: Any):
    _, late = await post(office, amount="1", dueDate="2020-05-05")
    assert (late["issueDate"], late["dueDate"]) == ("2020-05-05", "2020-05-05")
    status, refused = await post(office, amount="1", issueDate="2020-05-06", dueDate="2020-05-05")
    assert (status, refused["error"]["details"][0]["field"]) == (400, "dueDate")


async def test_full_instant_is_taken_as_a_date(office: Any):
    _, draft = await post(office, amount="1", dueDate="2199-05-05T00:00:00.000Z")
    assert draft["dueDate"] == "2199-05-05"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "lines"),
        ({"amount": "1", "lines": [LINE]}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "1", "currency": "EURO"}, "currency"),
        ({"amount": "1", "dueDate": None}, "dueDate"),
        ({"amount": "1", "dueDate": "tomorrow"}, "dueDate"),
        ({"amount": "1", "companyId": "x"}, "companyId"),
        ({"amount": "1", "notes": "\x00"}, "notes"),
        ({"amount": "1", "notes": "x" * 2001}, "notes"),
        ({"amount": "1", "invoiceNumber": "x" * 65}, "invoiceNumber"),
        ({"amount": "1", "status": "PAID"}, "status"),
        ({"amount": "1", "number": "INV-1"}, "number"),
        ({"lines": [LINE | {"quantity": "0"}]}, "lines.0.quantity"),
        ({"lines": [LINE | {"quantity": "1.0001"}]}, "lines.0.quantity"),
        ({"lines": [LINE | {"taxBasisPoints": 10_001}]}, "lines.0.taxBasisPoints"),
        ({"lines": [LINE | {"description": ""}]}, "lines.0.description"),
        ({"lines": [LINE | {"discountAmount": "200.01"}]}, "lines.0.discountAmount"),
        ({"lines": [LINE | {"discountAmount": "1", "discountPercent": "1"}]}, "lines.0"),
        ({"lines": [LINE] * 101}, "lines"),
        ({"lines": [LINE | {"description": "x" * 500}] * 21}, "lines"),
    ],
)  # fmt: skip
async def test_bad_drafts_are_refused_by_field(office: Any, body: dict[str, Any], field: str):
    status, answer = await post(office, **body)
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR"), answer
    assert answer["error"]["details"][0]["field"] == field
    assert await office.told() == []


async def test_longest_invoice_has_a_history_that_fits_the_bus(office: Any):
    draft = await office.draft(lines=[LINE | {"description": '"' * 99}] * 100)
    await office.change(draft, lines=[LINE | {"description": "\\" * 99}] * 100)
    recorded = await office.stand.facts("billing.activity.recorded.v1")
    assert len(recorded) == 2
    assert max(len(to_json(fact.message)) for fact in recorded) < 256 * 1024


async def test_references_must_be_rows_of_this_organisation(office: Any):
    elsewhere = office.sales.add_company(new_id())
    deal = office.sales.add_deal(office.org_id)
    for body in (
        {"companyId": str(new_id())},
        {"companyId": str(elsewhere.id)},
        {"dealId": str(new_id())},
        {"dealId": str(deal.id)},  # of another company
    ):
        status, answer = await post(office, amount="1", **body)
        assert (status, answer["error"]["code"]) == (400, "BAD_REQUEST"), body
    assert await office.told() == []


async def test_deal_of_the_company_is_shown(office: Any):
    deal = office.sales.add_deal(office.org_id, office.company, title="Big one")
    draft = await office.draft(dealId=str(deal.id))
    assert draft["deal"] == {"id": str(deal.id), "title": "Big one"}


@pytest.mark.parametrize("peer", ["identity", "sales"])
async def test_peer_that_is_away_answers_503_and_nothing_is_written(office: Any, peer: str):
    getattr(office, peer).is_away = True
    status, answer = await post(office, amount="1")
    assert (status, answer["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
    getattr(office, peer).is_away = False
    assert (await office.http.get("/api/v1/invoices")).json()["totalCount"] == 0


async def test_known_references_need_no_peer(office: Any):
    await office.draft()
    asked = office.sales.questions + office.identity.questions
    office.identity.is_away = office.sales.is_away = True
    await office.draft()
    assert office.sales.questions + office.identity.questions == asked


async def test_same_key_writes_one_draft(office: Any):
    body = {"companyId": str(office.company.id), "amount": "1", "dueDate": "2199-12-31"}
    key = {"idempotency-key": "once"}
    first = await office.http.post("/api/v1/invoices", json=body, headers=key)
    again = await office.http.post("/api/v1/invoices", json=body, headers=key)
    other = await office.http.post("/api/v1/invoices", json=body | {"amount": "2"}, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert await office.told() == ["invoice.created"]
