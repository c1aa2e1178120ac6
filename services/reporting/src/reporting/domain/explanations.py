"""Why a score is another than the day before: what got worse, the worst first."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple


class Scored(NamedTuple):
    """A score and how it came about."""

    score: int
    breakdown: Mapping[str, Any]


class Measure(NamedTuple):
    """One measure of the score, for people."""

    key: str
    title: str
    metric: str
    penalty: str
    deep_link: str


MEASURES = (
    Measure(
        "OVERDUE_WORK",
        "Overdue work",
        "overdue_work_pct",
        "overdue_work_penalty",
        "/ops/work/list?due=overdue",
    ),
    Measure(
        "INVOICE_AGING",
        "Overdue invoices",
        "overdue_invoice_pct",
        "overdue_invoice_penalty",
        "/finance/invoices?status=OVERDUE",
    ),
    Measure("STALE_DEALS", "Stale deals", "stale_deals_pct", "stale_deals_penalty", "/sales/deals"),
    Measure("HYGIENE", "Hygiene", "hygiene_count", "hygiene_penalty", "/ops/hygiene"),
)


def explain(day: date, after: Scored, before: Scored | None) -> dict[str, Any]:
    """A day's score beside that of the day before; without one there is nothing to compare with."""
    delta = None if before is None else after.score - before.score
    return {
        "date_key": day.isoformat(),
        "today_score": after.score,
        "yesterday_score": None if before is None else before.score,
        "delta": delta,
        "drivers": [] if before is None else drivers(before.breakdown, after.breakdown),
        "notes": [_note(delta)],
        "breakdown": {"today": after.breakdown, "yesterday": None if before is None else before.breakdown},
    }


def _note(delta: int | None) -> str:
    if delta is None:
        return "There is no score of the day before to compare with."
    if delta == 0:
        return "The score is the same as the day before."
    return f"The score is {abs(delta)} points {'lower' if delta < 0 else 'higher'} than the day before."


def drivers(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The measures whose penalty rose from one breakdown to the next, by impact."""
    worse = [
        _driver(measure, before, after)
        for measure in MEASURES
        if after["penalties"][measure.penalty] > before["penalties"][measure.penalty]
    ]
    return sorted(worse, key=lambda driver: -driver["impact_points"])


def _driver(measure: Measure, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    was, now = before["penalties"][measure.penalty], after["penalties"][measure.penalty]
    old, new = before[measure.metric], after[measure.metric]
    return {
        "key": measure.key,
        "title": measure.title,
        "summary": f"{measure.title} worsened from {_text(measure, old)} to {_text(measure, new)}.",
        "impact_points": now - was,
        "before": {"metric_value": old, "penalty": was},
        "after": {"metric_value": new, "penalty": now},
        "deep_link": measure.deep_link,
    }


def _text(measure: Measure, value: float) -> str:
    return f"{value:.0%}" if measure.metric.endswith("_pct") else str(value)
