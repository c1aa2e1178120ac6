"""The figures of the CEO dashboard: amounts of one currency each, never summed across currencies."""

from collections.abc import Iterable
from typing import Any

from chassis.money import Money

Amounts = dict[str, Any]


def amounts(currency: str, open_deals: int = 0, due: int = 0, overdue: int = 0) -> Amounts:
    """What one currency adds up to, from minor units, as the dashboard shows it and a day's snapshot keeps it."""
    return {
        "currency": currency,
        "open_deals_value": str(Money(open_deals, currency)),
        "invoices_due_total": str(Money(due, currency)),
        "invoices_overdue_total": str(Money(overdue, currency)),
    }


def kpis(currency: str, by_currency: Iterable[Amounts], overdue_work: int) -> dict[str, Any]:
    """The amounts in the organisation's own currency, and how much work is overdue."""
    own = next((each for each in by_currency if each["currency"] == currency), amounts(currency))
    return own | {"overdue_work_count": overdue_work}
