"""The formula, on its own."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.domain.health import Measures, breakdown_of, half_up, penalties, score_of, share


def test_fixture_of_the_reference() -> None:
    costs = penalties(Fraction(1, 2), Fraction(1, 5), Fraction(1, 4), 10)
    assert list(costs.values()) == [20, 6, 5, 2]
    assert score_of(costs) == 67


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(Fraction(1, 2), 1), (Fraction(5, 2), 3), (Fraction(249, 100), 2), (Fraction(0), 0)],
)
def test_halves_go_up(value: Fraction, rounded: int) -> None:
    assert half_up(value) == rounded


def test_nothing_of_nothing_is_nothing() -> None:
    assert share(0, 0) == 0


def test_worst_is_zero() -> None:
    worst = Measures(
        open_work=9,
        overdue_work=9,
        unpaid_invoices=9,
        overdue_invoices=9,
        open_deals=9,
        stale_deals=9,
        findings=999,
    )
    assert score_of(breakdown_of(worst)["penalties"]) == 0


counts = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)).map(sorted)


@given(work=counts, invoices=counts, deals=counts, findings=st.integers(0, 10_000))
def test_score_is_between_0_and_100(
    work: list[int], invoices: list[int], deals: list[int], findings: int
) -> None:
    measures = Measures(
        overdue_work=work[0],
        open_work=work[1],
        overdue_invoices=invoices[0],
        unpaid_invoices=invoices[1],
        stale_deals=deals[0],
        open_deals=deals[1],
        findings=findings,
    )
    breakdown = breakdown_of(measures)
    assert 0 <= score_of(breakdown["penalties"]) <= 100
    assert all(0 <= breakdown[name] <= 1 for name in breakdown if name.endswith("_pct"))


@given(parts=st.integers(0, 1000), whole=st.integers(1, 1000), findings=st.integers(0, 60))
def test_more_of_what_is_wrong_never_costs_less(parts: int, whole: int, findings: int) -> None:
    less = share(min(parts, whole), whole)
    more = share(min(parts + 1, whole), whole)
    before, after = penalties(less, less, less, findings), penalties(more, more, more, findings + 1)
    assert all(after[name] >= before[name] for name in before)
