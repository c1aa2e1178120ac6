"""The CEO health score: four measures of the present, a penalty for each (reference/execution-os.md 3.6).

Overdue and stale have the one meaning of the services that own the rows; drafts and void invoices are nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

OVERDUE_WORK_MAX = 40
OVERDUE_INVOICES_MAX = 30
STALE_DEALS_MAX = 20
HYGIENE_MAX = 10
HYGIENE_FULL = 50
"""So many findings and more cost the whole penalty."""

Breakdown = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measures:
    """Counts of the present, and the thresholds they were taken with."""

    open_work: int = 0
    overdue_work: int = 0
    unpaid_invoices: int = 0
    overdue_invoices: int = 0
    open_deals: int = 0
    stale_deals: int = 0
    findings: int = 0
    stale_days: int = 7
    overdue_after_days: int = 0


def half_up(value: Fraction) -> int:
    """Rounded to a whole, halves up, exactly."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def share(part: int, whole: int) -> Fraction:
    """A part of a whole; nothing of nothing is nothing."""
    return Fraction(part, whole) if whole else Fraction(0)


def penalties(work: Fraction, invoices: Fraction, deals: Fraction, findings: int) -> dict[str, int]:
    """What each measure costs."""
    full = Fraction(min(findings, HYGIENE_FULL), HYGIENE_FULL)
    return {
        "overdue_work_penalty": min(OVERDUE_WORK_MAX, half_up(work * OVERDUE_WORK_MAX)),
        "overdue_invoice_penalty": min(OVERDUE_INVOICES_MAX, half_up(invoices * OVERDUE_INVOICES_MAX)),
        "stale_deals_penalty": min(STALE_DEALS_MAX, half_up(deals * STALE_DEALS_MAX)),
        "hygiene_penalty": min(HYGIENE_MAX, half_up(full * HYGIENE_MAX)),
    }


def score_of(costs: Mapping[str, int]) -> int:
    """100 less what the measures cost, never below 0."""
    return max(0, 100 - sum(costs.values()))


def breakdown_of(measures: Measures) -> dict[str, Any]:
    """How a score comes about, as a snapshot keeps it."""
    work = share(measures.overdue_work, measures.open_work)
    invoices = share(measures.overdue_invoices, measures.unpaid_invoices)
    deals = share(measures.stale_deals, measures.open_deals)
    return {
        "overdue_work_pct": float(work),
        "overdue_invoice_pct": float(invoices),
        "stale_deals_pct": float(deals),
        "hygiene_count": measures.findings,
        "penalties": penalties(work, invoices, deals, measures.findings),
        "thresholds": {
            "stale_days": measures.stale_days,
            "overdue_after_days": measures.overdue_after_days,
        },
    }
