"""The invoice moves along its table or not at all."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.amounts import LineTerms, price
from billing.domain.invoices import MOVES, Invoice, Locking, Status
from billing.domain.parties import Parties, Party, terms_days
from billing.domain.refusals import InvoiceLocked, InvoiceNotLocked, NothingToInvoice, Overpayment
from chassis.auth import system_actor
from chassis.errors import AppError, Invalid
from chassis.ids import new_id
from chassis.money import Money
from chassis.states import IllegalTransition

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOCKING = Locking(is_locked_on_sent=True, lock_after=timedelta(days=2), is_kept_after_payment=True)
ACTOR = system_actor(new_id())
PARTIES = Parties(Party(new_id(), "Seller"), Party(new_id(), "Buyer"))


def invoice_in(status: Status, gross: str = "100.00", paid: str = "0.00") -> Invoice:
    """An invoice that is already there."""
    invoice = Invoice(org_id=new_id(), id=new_id(), status=status, paid_minor=Money.parse(paid, "EUR").minor)
    invoice.issue_date, invoice.due_date = date(2026, 3, 1), date(2026, 3, 15)
    invoice.reprice(price([LineTerms("Work", Decimal(gross))], "EUR"))
    if status is Status.PARTIALLY_PAID:
        invoice.paid_minor = 1
    if status is Status.PAID:
        invoice.paid_minor = invoice.gross_minor
    return invoice


ACTS: dict[Status, Callable[[Invoice], None]] = {
    Status.SENT: lambda invoice: invoice.send(NOW, ACTOR, PARTIES, LOCKING),
    Status.PARTIALLY_PAID: lambda invoice: invoice.pay(NOW, ACTOR, Money(1, "EUR")),
    Status.PAID: lambda invoice: invoice.pay(NOW, ACTOR, invoice.balance),
    Status.VOID: lambda invoice: invoice.void(NOW, ACTOR, "wrong buyer"),
}


@pytest.mark.parametrize("current", Status)
@pytest.mark.parametrize("wanted", ACTS)
def test_every_pair_of_states(current: Status, wanted: Status):
    invoice = invoice_in(current)
    if wanted in MOVES[current]:
        ACTS[wanted](invoice)
        assert invoice.status == wanted
        return
    with pytest.raises(AppError) as refused:
        ACTS[wanted](invoice)
    # One cent more for a paid invoice is too much money rather than a wrong state.
    too_much = (current, wanted) == (Status.PAID, Status.PARTIALLY_PAID)
    assert isinstance(refused.value, Overpayment if too_much else IllegalTransition)
    assert invoice.status == current


def test_nothing_leads_back_to_a_draft():
    assert not any(Status.DRAFT in targets for targets in MOVES.values())


def test_sending_stamps_parties_and_lock():
    invoice = invoice_in(Status.DRAFT)
    invoice.send(NOW, ACTOR, PARTIES, LOCKING)
    assert (invoice.sent_at, invoice.locked_at, invoice.lock_at) == (NOW, NOW, NOW + timedelta(days=2))
    assert (invoice.seller or {})["name"] == "Seller"


def test_policy_may_leave_a_sent_invoice_open():
    invoice = invoice_in(Status.DRAFT)
    invoice.send(NOW, ACTOR, PARTIES, Locking(False, timedelta(days=2), True))
    assert invoice.locked_at is None
    assert not invoice.is_due_for_lock(NOW)
    assert invoice.is_due_for_lock(NOW + timedelta(days=2))


def test_nothing_to_pay_is_not_sent_unless_policy_allows():
    empty, free = invoice_in(Status.DRAFT), invoice_in(Status.DRAFT, gross="0")
    empty.reprice(price([], "EUR"))
    for invoice in (empty, free):
        with pytest.raises(NothingToInvoice):
            invoice.check_sendable(is_zero_allowed=False)
    free.check_sendable(is_zero_allowed=True)
    with pytest.raises(NothingToInvoice):
        empty.check_sendable(is_zero_allowed=True)


def test_due_before_issue_is_refused():
    invoice = invoice_in(Status.DRAFT)
    invoice.due_date = date(2026, 2, 28)
    with pytest.raises(Invalid):
        invoice.check_dates()


def test_paid_invoice_is_closed_for_ever():
    invoice = invoice_in(Status.SENT)
    invoice.pay(NOW, ACTOR, invoice.balance)
    assert (invoice.paid_at, invoice.locked_at, str(invoice.balance)) == (NOW, NOW, "0.00")
    with pytest.raises(InvoiceLocked):
        invoice.unlock(NOW, "typo", Locking(True, timedelta(0), False))


def test_unlock_needs_a_lock():
    with pytest.raises(InvoiceNotLocked):
        invoice_in(Status.SENT).unlock(NOW, "typo", LOCKING)


def test_lock_stays_once_money_came_unless_policy_says_otherwise():
    invoice = invoice_in(Status.PARTIALLY_PAID)
    invoice.lock(NOW, ACTOR)
    with pytest.raises(InvoiceLocked):
        invoice.unlock(NOW, "typo", LOCKING)
    invoice.unlock(NOW, "typo", Locking(True, timedelta(days=2), False))
    assert (invoice.locked_at, invoice.unlock_reason) == (None, "typo")


@pytest.mark.parametrize(("lock_in", "expected"), [(1, 1), (-1, 2)])
def test_lock_that_has_passed_starts_anew(lock_in: int, expected: int):
    invoice = invoice_in(Status.SENT)
    invoice.lock(NOW, ACTOR)
    invoice.lock_at = NOW + timedelta(days=lock_in)
    invoice.unlock(NOW, "typo", LOCKING)
    assert invoice.lock_at == NOW + timedelta(days=expected)


def test_change_of_a_paid_amount_settles_or_is_refused():
    invoice = invoice_in(Status.SENT)
    invoice.pay(NOW, ACTOR, Money(4_000, "EUR"))
    invoice.reprice(price([LineTerms("Work", Decimal("39.99"))], "EUR"))
    with pytest.raises(Overpayment):
        invoice.settle(NOW, ACTOR)
    invoice.reprice(price([LineTerms("Work", Decimal(40))], "EUR"))
    invoice.settle(NOW, ACTOR)
    assert (invoice.status, invoice.paid_at) == (Status.PAID, NOW)


@pytest.mark.parametrize(
    ("legal", "days"),
    [(None, 14), ({}, 14), ({"payment_terms_days": 30}, 30), ({"payment_terms_days": None}, 14)],
)
def test_payment_terms(legal: dict[str, Any] | None, days: int):
    assert terms_days(legal) == days
