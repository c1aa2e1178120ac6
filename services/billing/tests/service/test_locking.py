"""Locks: lifted with a reason, closed again by the clock."""

from datetime import timedelta
from typing import Any


async def relock(office: Any) -> None:
    await office.stand.run_periodic("lock-invoices")


async def test_unlock_says_why(office: Any):
    sent = await office.sent()
    open_again = await office.act(sent, "unlock", {"reason": "wrong address"})
    assert (open_again["isLocked"], open_again["lockedAt"], open_again["lockedByUser"]) == (False, None, None)
    assert open_again["lockAt"] == sent["lockAt"]
    fact = (await office.stand.facts("billing.invoice.unlocked.v1"))[0].message
    assert (fact.reason, fact.invoice.HasField("locked_at")) == ("wrong address", False)


async def test_missing_reason_is_recorded_as_not_given(office: Any):
    for body in (None, {}, {"reason": None}, {"reason": "  "}):
        await office.act(await office.sent(), "unlock", body)
    facts = await office.stand.facts("billing.invoice.unlocked.v1")
    assert {fact.message.reason for fact in facts} == {"not given"}


async def test_only_locked_invoices_are_unlocked(office: Any):
    assert (await office.act(await office.draft(), "unlock", status=409))["code"] == "INVOICE_NOT_LOCKED"
    sent = await office.sent()
    await office.act(sent, "unlock")
    assert (await office.act(sent, "unlock", status=409))["code"] == "INVOICE_NOT_LOCKED"


async def test_lock_stays_after_a_payment(office: Any):
    sent = await office.sent()
    await office.pay(sent, "1.00", "k")
    refused = await office.act(sent, "unlock", status=409)
    assert refused["code"] == "INVOICE_LOCKED"
    assert refused["details"] == {"policy": "preventInvoiceUnlockAfterPartialPayment"}
    await office.policies(prevent_invoice_unlock_after_partial_payment=False)
    assert (await office.act(sent, "unlock"))["isLocked"] is False


async def test_settled_invoices_stay_locked(office: Any):
    await office.draft()
    await office.policies(prevent_invoice_unlock_after_partial_payment=False)
    paid, void = await office.sent(), await office.sent()
    await office.act(paid, "mark-paid")
    await office.act(void, "void", {"reason": "mistake"})
    for invoice in (paid, void):
        assert (await office.act(invoice, "unlock", status=409))["code"] == "INVOICE_LOCKED"


async def test_unlocked_invoice_is_locked_again_when_its_time_has_come(office: Any):
    sent = await office.sent()
    await office.act(sent, "unlock")
    await relock(office)
    assert (await office.change(sent, amount="90.00"))["isLocked"] is False
    office.stand.clock.advance(days=2)
    await relock(office)
    locked = await office.read(sent)
    assert (locked["isLocked"], locked["lockedByUserId"]) == (True, None)
    assert locked["lockedByUser"] == {"id": None, "name": "Execos", "email": None, "kind": "system"}
    assert (await office.change(sent, 409, amount="80.00"))["code"] == "INVOICE_LOCKED"
    assert (await office.stand.actions(sent["id"]))[-1] == "INVOICE_AUTO_LOCK"
    version = locked["version"]
    await relock(office)
    assert (await office.read(sent))["version"] == version


async def test_late_unlock_leaves_time_to_edit(office: Any):
    sent = await office.sent()
    office.stand.clock.advance(days=5)
    open_again = await office.act(sent, "unlock")
    assert open_again["lockAt"] == (office.stand.clock.now + timedelta(days=2)).isoformat().replace(
        "+00:00", "Z"
    )
    await relock(office)
    assert (await office.read(sent))["isLocked"] is False


async def test_policy_of_no_days_locks_at_the_next_run(office: Any):
    await office.draft()
    await office.policies(auto_lock_invoice_after_days=0, lock_invoice_on_sent=False)
    sent = await office.sent()
    assert sent["lockAt"] == sent["sentAt"]
    await relock(office)
    assert (await office.read(sent))["isLocked"] is True


async def test_voiding_keeps_the_number_and_closes_the_invoice(office: Any):
    sent = await office.sent()
    void = await office.act(sent, "void", {"reason": "wrong buyer"})
    assert (void["status"], void["invoiceNumber"], void["voidReason"]) == (
        "VOID",
        sent["invoiceNumber"],
        "wrong buyer",
    )
    assert (void["isLocked"], void["totals"]["balance"], void["voidedAt"] is not None) == (True, "0.00", True)
    assert (await office.told())[-1] == "invoice.voided"
    assert (await office.act(sent, "void", {"reason": "again"}, 409))["code"] == "ILLEGAL_TRANSITION"
    assert (await office.change(sent, 409, amount="1"))["code"] == "INVOICE_LOCKED"


async def test_voiding_needs_a_reason_and_an_unpaid_invoice(office: Any):
    sent = await office.sent()
    for body in ({}, {"reason": ""}, {"reason": None}):
        assert (await office.act(sent, "void", body, 400))["code"] == "VALIDATION_ERROR"
    await office.pay(sent, "1.00", "k")
    assert (await office.act(sent, "void", {"reason": "x"}, 409))["code"] == "ILLEGAL_TRANSITION"


async def test_drafts_can_be_voided(office: Any):
    void = await office.act(await office.draft(), "void", {"reason": "not needed"})
    assert (void["status"], void["invoiceNumber"], void["effectiveStatus"]) == ("VOID", None, "VOID")
