"""What happens in one service and is seen in the others: within a second, once, by whom it concerns."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Json, Visitor

Role = Callable[[str], Visitor]
PROMISED_SECONDS = 1.0
MAIL_SECONDS = 10.0


@pytest.fixture
def mark() -> str:
    """What names the rows of one journey."""
    return uuid4().hex[:12]


def buyer(mark: str) -> str:
    return f"buyer.{mark}@customer.example"


def open_deal(sales: Visitor, mark: str) -> Json:
    """A deal with a customer who can be invoiced."""
    address = {"line1": "Hafenstrasse 5", "postalCode": "20457", "city": "Hamburg", "country": "DE"}
    company = sales.post(
        "/companies",
        {
            "name": f"Buyer {mark}",
            "legalName": f"Buyer {mark} GmbH",
            "email": buyer(mark),
            "address": address,
        },
    )
    closes_on = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    body = {"title": f"Deal {mark}", "companyId": company["id"], "expectedCloseDate": closes_on}
    me = sales.get("/auth/me")["id"]
    deal: Json = sales.post("/deals", body | {"valueAmount": "990.50", "currency": "EUR", "ownerUserId": me})
    return deal


def only(visitor: Visitor, path: str, **query: Any) -> Json | None:
    """The one row of a list; None while there is none."""
    items = visitor.get(path, **query)["items"]
    assert len(items) <= 1, items
    return items[0] if items else None


def test_a_won_deal_has_its_delivery_item_and_draft_invoice_within_a_second(person: Role, mark: str) -> None:
    sales, ops, finance = person("sales"), person("ops"), person("finance")
    deal = open_deal(sales, mark)
    assert sales.post(f"/deals/{deal['id']}/mark-won")["stage"] == "WON"
    began = time.monotonic()
    item = eventually(
        lambda: only(ops, "/work-items", dealId=deal["id"]), "the item", seconds=PROMISED_SECONDS
    )
    invoice = eventually(
        lambda: only(finance, "/invoices", dealId=deal["id"]), "the invoice", seconds=PROMISED_SECONDS
    )
    assert time.monotonic() - began < PROMISED_SECONDS
    assert (item["title"], item["status"], item["dueDate"]) == (
        f"Deliver: Deal {mark}",
        "TODO",
        deal["expectedCloseDate"],
    )
    assert item["createdByUser"]["kind"] == "system"
    assert (item["company"]["name"], item["deal"]["stage"]) == (f"Buyer {mark}", "WON")
    assert (invoice["status"], invoice["totals"]["net"], invoice["currency"]) == ("DRAFT", "990.50", "EUR")

    again = sales.post(f"/deals/{deal['id']}/mark-won")  # no change, so no fact and nothing twice
    assert again["version"] == sales.get(f"/deals/{deal['id']}")["version"]
    time.sleep(0.5)
    assert only(ops, "/work-items", dealId=deal["id"])
    assert only(finance, "/invoices", dealId=deal["id"])


def test_a_sent_invoice_reaches_the_buyer_once_with_its_pdf(stage: Stage, person: Role, mark: str) -> None:
    sales, finance = person("sales"), person("finance")
    deal = open_deal(sales, mark)
    sales.post(f"/deals/{deal['id']}/mark-won")
    draft = eventually(lambda: only(finance, "/invoices", dealId=deal["id"]), "the draft")
    sent = finance.post(f"/invoices/{draft['id']}/send")
    assert sent["status"] == "SENT"
    assert sent["isLocked"]

    [mail] = eventually(lambda: stage.mails(buyer(mark)), "the mail", seconds=MAIL_SECONDS)
    assert sent["invoiceNumber"] in mail["subject"]
    [pdf] = mail["attachments"]
    assert pdf["filename"] == f"{sent['invoiceNumber']}.pdf"
    document = finance.ask("GET", f"/api/v1/invoices/{draft['id']}.pdf")
    assert document.headers["content-type"] == "application/pdf"
    assert document.content.startswith(b"%PDF-")
    time.sleep(0.5)
    assert len(stage.mails(buyer(mark))) == 1


def test_the_timeline_of_a_deal_tells_what_the_others_did(person: Role, mark: str) -> None:
    sales, ops, finance = person("sales"), person("ops"), person("finance")
    deal = open_deal(sales, mark)
    sales.post(f"/deals/{deal['id']}/mark-won")
    item = eventually(lambda: only(ops, "/work-items", dealId=deal["id"]), "the item")
    draft = eventually(lambda: only(finance, "/invoices", dealId=deal["id"]), "the draft")
    ops.post(f"/work-items/{item['id']}/complete")
    finance.post(f"/invoices/{draft['id']}/send")
    finance.post(f"/invoices/{draft['id']}/mark-paid")
    wanted = {"DEAL_CREATED", "WORK_ROOT_CREATED", "INVOICE_SENT", "INVOICE_PAID"}

    def milestones() -> list[str] | None:
        types = [each["type"] for each in sales.get(f"/deals/{deal['id']}/timeline")["milestones"]]
        return types if set(types) >= wanted else None

    types = eventually(milestones, "the milestones", seconds=3)
    assert len(types) == len(set(types))


def test_the_others_are_notified_and_never_the_one_who_acted(person: Role, mark: str) -> None:
    sales, ceo = person("sales"), person("ceo")
    deal = open_deal(sales, mark)
    unread = ceo.get("/notifications/unread-count")["count"]
    sales.post(f"/deals/{deal['id']}/mark-won")

    def told(visitor: Visitor) -> list[Json]:
        items = visitor.get("/notifications", pageSize=50)["items"]
        return [each for each in items if each["entityId"] == deal["id"] and each["type"] == "deal.won"]

    [entry] = eventually(lambda: told(ceo), "the notification", seconds=3)
    assert entry["actor"]["email"] == "sales@acme.example"
    assert told(sales) == []
    assert ceo.get("/notifications/unread-count")["count"] == unread + 1
    ceo.post(f"/notifications/{entry['id']}/read")
    assert ceo.get("/notifications/unread-count")["count"] == unread


def test_the_audit_log_knows_who_won_the_deal_and_is_unbroken(person: Role, mark: str) -> None:
    sales, ceo = person("sales"), person("ceo")
    deal = open_deal(sales, mark)
    sales.post(f"/deals/{deal['id']}/mark-won")
    entry = eventually(
        lambda: only(ceo, "/audit", entityId=deal["id"], action="MARK_WON"), "the audit entry", seconds=3
    )
    assert entry["actor"]["email"] == "sales@acme.example"
    assert entry["after"]["stage"] == "WON"
    assert ceo.get("/audit/verify")["ok"] is True


def test_what_is_owed_moves_the_health_score_and_what_nobody_does_is_in_the_hygiene_inbox(
    person: Role, mark: str
) -> None:
    sales, ops, finance, ceo = person("sales"), person("ops"), person("finance"), person("ceo")
    before = ceo.get("/ceo/health-score")
    assert 0 <= before["score"] <= 100
    share = before["breakdown"]["overdueInvoicePct"]
    assert share > 0, "the demo organisation has an overdue invoice"
    deal = open_deal(sales, mark)
    sales.post(f"/deals/{deal['id']}/mark-won")
    item = eventually(lambda: only(ops, "/work-items", dealId=deal["id"]), "the item")
    draft = eventually(lambda: only(finance, "/invoices", dealId=deal["id"]), "the draft")
    finance.post(f"/invoices/{draft['id']}/send")
    eventually(
        lambda: ceo.get("/ceo/health-score")["breakdown"]["overdueInvoicePct"] < share,
        "one more invoice that is not overdue",
        seconds=2,
    )

    def unassigned() -> list[list[str]]:
        page = ops.get("/hygiene/inbox", page=1, pageSize=100, sortBy="createdAt", sortDir="desc")
        return [row["issues"] for row in page["items"] if row["entityId"] == item["id"]]

    assert eventually(unassigned, "the item in the hygiene inbox", seconds=2) == [["WORK_UNASSIGNED"]]


def test_another_organisation_sees_none_of_it(visit: Callable[..., Visitor], person: Role, mark: str) -> None:
    sales = person("sales")
    deal = open_deal(sales, mark)
    stranger = visit("owner@globex.example")
    for path in (f"/deals/{deal['id']}", f"/companies/{deal['companyId']}", f"/deals/{deal['id']}/timeline"):
        assert stranger.ask("GET", f"/api/v1{path}").status_code == 404
    assert stranger.get("/deals", q=mark)["items"] == []
    foreign = stranger.ask("POST", "/api/v1/deals", json={"title": "Theirs", "companyId": deal["companyId"]})
    assert foreign.status_code == 400
