"""Changing: drafts freely, locked invoices in nothing but their notes."""

from typing import Any

import pytest

LINE = {"description": "Work", "unitPrice": "80.00", "taxBasisPoints": 1900}
MONETARY = {
    "companyId": "01890000-0000-7000-8000-000000000000",
    "dealId": None,
    "amount": "1",
    "lines": [LINE],
    "currency": "USD",
    "issueDate": "2026-01-01",
    "dueDate": "2199-01-01",
    "invoiceNumber": "x",
}


async def test_draft_changes_in_what_was_sent_only(office: Any):
    draft = await office.draft(invoiceNumber="A", notes="n")
    changed = await office.change(draft, invoiceNumber="B")
    assert (changed["reference"], changed["notes"], changed["version"]) == ("B", "n", 2)
    cleared = await office.change(draft, invoiceNumber=None, notes=None)
    assert (cleared["reference"], cleared["notes"]) == (None, None)
    assert await office.told() == ["invoice.created", "invoice.updated", "invoice.updated"]


async def test_change_of_nothing_keeps_the_version_and_tells_nobody(office: Any):
    draft = await office.draft(notes="n")
    for body in ({}, {"notes": "n"}, {"amount": "100.00"}, {"dueDate": draft["dueDate"]}):
        assert (await office.change(draft, **body))["version"] == 1, body
    assert await office.told() == ["invoice.created"]


async def test_lines_replace_lines(office: Any):
    changed = await office.change(await office.draft(), lines=[LINE, LINE])
    assert (len(changed["lines"]), changed["amount"]) == (2, "190.40")
    flat = await office.change(changed, amount="5")
    assert [(line["description"], line["gross"]) for line in flat["lines"]] == [("Services", "5.00")]


async def test_other_currency_keeps_the_amounts_or_is_refused(office: Any):
    draft = await office.draft(lines=[LINE])
    assert (await office.change(draft, currency="KWD"))["amount"] == "95.200"
    half = await office.draft(amount="0.50")
    refused = await office.change(half, 400, currency="JPY")
    assert refused["details"][0]["field"] == "lines.0.unitPrice"


@pytest.mark.parametrize("name", ["companyId", "amount", "lines", "currency", "issueDate", "dueDate"])
async def test_null_is_refused_where_nothing_may_be_missing(office: Any, name: str):
    draft = await office.draft()
    assert (await office.change(draft, 400, **{name: None}))["code"] == "VALIDATION_ERROR"


async def test_dates_stay_in_order(office: Any):
    draft = await office.draft(issueDate="2026-05-01", dueDate="2026-05-10")
    assert (await office.change(draft, 400, dueDate="2026-04-30"))["details"][0]["field"] == "dueDate"
    assert (await office.change(draft, 400, issueDate="2026-05-11"))["details"][0]["field"] == "dueDate"
    moved = await office.change(draft, issueDate="2026-06-01", dueDate="2026-06-01")
    assert moved["issueDate"] == "2026-06-01"


async def test_company_and_deal_stay_together(office: Any):
    deal = office.sales.add_deal(office.org_id, office.company)
    other = office.sales.add_company(office.org_id)
    draft = await office.draft(dealId=str(deal.id))
    assert (await office.change(draft, 400, companyId=str(other.id)))["code"] == "BAD_REQUEST"
    moved = await office.change(draft, companyId=str(other.id), dealId=None)
    assert (moved["company"]["id"], moved["deal"]) == (str(other.id), None)


async def test_old_version_is_refused(office: Any):
    draft = await office.draft()
    path = f"/api/v1/invoices/{draft['id']}"
    stale = await office.http.patch(path, json={"notes": "x"}, headers={"if-match": '"7"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "STALE_VERSION")
    fresh = await office.http.patch(path, json={"notes": "x"}, headers={"if-match": '"1"'})
    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"2"')
    for verb, body in (("send", None), ("unlock", None), ("mark-paid", None), ("void", {"reason": "x"})):
        answer = await office.http.post(f"{path}/{verb}", json=body, headers={"if-match": '"1"'})
        assert answer.status_code == 412, verb


@pytest.mark.parametrize("name", MONETARY)
async def test_locked_invoice_keeps_money_and_parties(office: Any, name: str):
    sent = await office.sent()
    refused = await office.change(sent, 409, **{name: MONETARY[name]})
    assert refused["code"] == "INVOICE_LOCKED"
    assert (await office.change(sent, notes="called"))["notes"] == "called"


async def test_unlocked_invoice_changes_and_keeps_its_number(office: Any):
    sent = await office.sent()
    await office.act(sent, "unlock", {"reason": "typo"})
    changed = await office.change(sent, amount="90.00", dueDate="2198-01-01")
    assert (changed["amount"], changed["invoiceNumber"]) == ("90.00", sent["invoiceNumber"])
    assert (await office.change(sent, 409, lines=[]))["code"] == "NOTHING_TO_INVOICE"
    assert (await office.change(sent, 409, companyId=sent["companyId"]))["code"] == "INVOICE_LOCKED"


async def test_unlocked_invoice_never_asks_less_than_was_paid(office: Any):
    await office.policies(prevent_invoice_unlock_after_partial_payment=False)
    sent = await office.sent()
    await office.pay(sent, "40.00", "k1")
    await office.act(sent, "unlock")
    assert (await office.change(sent, 409, amount="39.99"))["code"] == "OVERPAYMENT"
    assert (await office.change(sent, 409, currency="USD"))["code"] == "INVOICE_LOCKED"
    settled = await office.change(sent, amount="40.00")
    assert (settled["status"], settled["isLocked"], settled["totals"]["balance"]) == ("PAID", True, "0.00")
    assert (await office.told())[-2:] == ["invoice.updated", "invoice.paid"]


async def test_history_tells_what_changed(office: Any):
    draft = await office.draft(notes="old")
    office.stand.clock.advance(seconds=1)
    await office.change(draft, notes="new")
    page = (await office.http.get(f"/api/v1/invoices/{draft['id']}/activity")).json()
    assert [entry["action"] for entry in page["items"]] == ["UPDATE", "CREATE"]
    entry = page["items"][0]
    assert (entry["before"], entry["after"]) == ({"notes": "old"}, {"notes": "new"})
    assert entry["actor"]["name"] == "Test Person"
    made = page["items"][1]["after"]
    assert (made["net"], made["amount"], made["paid"]) == ("100.00", "100.00", "0.00")
    assert not [name for name in made if name.endswith("Minor")]
