"""Paying: in part or in full, never more, never twice."""

from typing import Any

import pytest


async def payments(office: Any, invoice: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await office.http.get(f"/api/v1/invoices/{invoice['id']}/payments?sortDir=asc")
    assert answer.status_code == 200
    return answer.json()["items"]


async def test_marking_paid_records_the_balance(office: Any):
    sent = await office.sent()
    paid = await office.act(sent, "mark-paid")
    assert (paid["status"], paid["totals"]["paid"], paid["totals"]["balance"]) == ("PAID", "100.00", "0.00")
    assert paid["paidAt"] is not None
    assert [(each["amount"], each["method"]) for each in await payments(office, sent)] == [
        ("100.00", "bank_transfer")
    ]
    assert (await office.told())[3:] == ["invoice.paid", "payment.recorded"]
    assert await office.stand.actions(sent["id"]) == ["CREATE", "SEND", "MARK_PAID"]


async def test_marking_paid_takes_how_it_was_paid(office: Any):
    sent = await office.sent()
    await office.act(sent, "mark-paid", {"method": "cash", "receivedOn": "2026-01-02", "reference": "till 3"})
    payment = (await payments(office, sent))[0]
    assert (payment["method"], payment["receivedOn"], payment["reference"]) == (
        "cash",
        "2026-01-02",
        "till 3",
    )


async def test_marking_paid_twice_at_once_is_one_payment(office: Any):
    sent = await office.sent()
    path = f"/api/v1/invoices/{sent['id']}/mark-paid"
    answers = await office.at_once(sent, *(office.http.post(path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert {a.json()["error"]["code"] for a in answers if a.status_code == 409} == {"ILLEGAL_TRANSITION"}
    assert len(await payments(office, sent)) == 1
    assert (await office.told()).count("payment.recorded") == 1


async def test_parts_add_up_to_paid(office: Any):
    sent = await office.sent()
    part = await office.pay(sent, "30.00", "a", receivedOn="2026-02-01", reference="wire 1")
    assert (part["amount"], part["currency"], part["invoiceId"]) == ("30.00", "EUR", sent["id"])
    now = await office.read(sent)
    assert (now["status"], now["totals"]["balance"], now["paidAt"]) == ("PARTIALLY_PAID", "70.00", None)
    await office.pay(sent, "30.00", "b")
    await office.pay(sent, "40.00", "c")
    assert (await office.read(sent))["status"] == "PAID"
    assert [each["amount"] for each in await payments(office, sent)] == ["30.00", "30.00", "40.00"]
    told = [name for name in await office.told() if name.startswith("invoice.p")]
    assert told == ["invoice.partially_paid", "invoice.partially_paid", "invoice.paid"]


async def test_payment_fact_carries_payment_and_invoice(office: Any):
    sent = await office.sent()
    part = await office.pay(sent, "30.00", "a")
    fact = (await office.stand.facts("billing.payment.recorded.v1"))[0]
    assert (str(fact.aggregate_id), fact.message.payment.amount.minor) == (part["id"], 3000)
    assert (fact.message.invoice.status, fact.message.invoice.balance.minor) == ("PARTIALLY_PAID", 7000)


async def test_more_than_is_owed_is_refused(office: Any):
    sent = await office.sent()
    refused = await office.pay(sent, "100.01", "a", 409)
    assert (refused["code"], refused["details"]) == ("OVERPAYMENT", {"balance": "100.00"})
    await office.pay(sent, "100.00", "b")
    assert (await office.pay(sent, "0.01", "c", 409))["code"] == "OVERPAYMENT"


async def test_parallel_payments_never_overpay(office: Any):
    sent = await office.sent()
    await office.pay(sent, "60.00", "first")
    path = f"/api/v1/invoices/{sent['id']}/payments"
    body = {"amount": "30.00", "method": "cash"}
    requests = [office.http.post(path, json=body, headers={"idempotency-key": f"k{n}"}) for n in range(4)]
    answers = await office.at_once(sent, *requests)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await office.read(sent))["totals"]["balance"] == "10.00"


async def test_payment_needs_a_key_and_repeats_with_it(office: Any):
    sent = await office.sent()
    path = f"/api/v1/invoices/{sent['id']}/payments"
    body = {"amount": "30.00", "method": "cash"}
    bare = await office.http.post(path, json=body)
    assert (bare.status_code, bare.json()["error"]["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    first = await office.http.post(path, json=body, headers={"idempotency-key": "k"})
    again = await office.http.post(path, json=body, headers={"idempotency-key": "k"})
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert len(await payments(office, sent)) == 1


@pytest.mark.parametrize("state", ["draft", "void"])
async def test_only_what_is_owed_is_paid(office: Any, state: str):
    invoice = await office.draft()
    if state == "void":
        await office.act(invoice, "void", {"reason": "mistake"})
    assert (await office.act(invoice, "mark-paid", status=409))["code"] == "ILLEGAL_TRANSITION"
    assert (await office.pay(invoice, "1.00", "k", 409))["code"] == "ILLEGAL_TRANSITION"
    assert await payments(office, invoice) == []


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "x"])
async def test_payment_is_an_amount_of_the_currency(office: Any, amount: str):
    sent = await office.sent()
    assert (await office.pay(sent, amount, "k", 400))["details"][0]["field"] == "amount"


async def test_invoice_of_nothing_is_paid_without_a_payment(office: Any):
    await office.draft()
    await office.policies(allow_zero_invoices=True)
    sent = await office.sent(amount="0")
    assert (await office.act(sent, "mark-paid"))["status"] == "PAID"
    assert await payments(office, sent) == []
