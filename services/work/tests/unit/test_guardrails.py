"""Policies about owners and dates, and what a delivery is called."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from work.domain.deliveries import delivery
from work.domain.guardrails import DueDateInPast, Guardrails, OwnerRequired
from work.domain.items import TITLE_LENGTH

TODAY = date(2026, 3, 10)
YESTERDAY = TODAY - timedelta(days=1)


def test_owner_is_required_by_policy_alone() -> None:
    Guardrails(TODAY).check_owner(uuid4())
    Guardrails(TODAY, is_owner_required=False).check_owner(None)
    with pytest.raises(OwnerRequired):
        Guardrails(TODAY).check_owner(None)


def test_nothing_is_due_before_today() -> None:
    for due_date in (TODAY, None):
        Guardrails(TODAY).check_due_date(due_date)
    with pytest.raises(DueDateInPast) as refused:
        Guardrails(TODAY).check_due_date(YESTERDAY)
    assert refused.value.details == {"dueDate": "2026-03-09", "today": "2026-03-10"}


def test_default_date_comes_only_where_one_is_required_and_missing() -> None:
    strict = Guardrails(TODAY, default_due_days=5)
    assert strict.due_date_or_default(None) == date(2026, 3, 15)
    assert strict.due_date_or_default(TODAY) == TODAY
    assert Guardrails(TODAY, is_due_date_required=False).due_date_or_default(None) is None
    assert Guardrails(TODAY, default_due_days=0).due_date_or_default(None) == TODAY


@pytest.mark.parametrize(
    ("deal_title", "title"),
    [
        ("Jetty", "Deliver: Jetty"),
        ("x" * 246, "Deliver: " + "x" * 246),
        ("x" * 255, "Deliver: " + "x" * 245 + "…"),
    ],
)
def test_delivery_is_named_after_its_deal(deal_title: str, title: str) -> None:
    made = delivery(deal_id=uuid4(), deal_title=deal_title, company_id=uuid4(), due_date=None)
    assert made.title == title
    assert len(made.title) <= TITLE_LENGTH
