"""The arithmetic of measurements."""

import pytest
from bench.figures import Limit, Result, Round, Side, compared, percentile, ratios


def a_round(requests: int, *, seconds: float = 2.0, cpu: float = 1.0, failures: int = 0) -> Round:
    return Round(requests, failures, seconds, cpu, 1.0, 2.0)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 5), (0.9, 9), (0.99, 10), (1.0, 10)])
def test_a_percentile_is_one_of_the_values(share: float, expected: int) -> None:
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_round_tells_rate_and_cost() -> None:
    one = a_round(100)
    assert one.per_second == 50
    assert one.cpu_micros == 10_000


def test_a_side_is_the_median_of_its_rounds_so_one_bad_round_does_not_count() -> None:
    side = Side("floor", [a_round(100), a_round(104), a_round(1, failures=3)])
    assert side.per_second == 50
    assert side.cpu_micros == 10_000
    assert side.failures == 3


def test_ratios_are_made_round_by_round() -> None:
    assert ratios([1, 4], [2, 4]) == [0.5, 1.0]
    with pytest.raises(ValueError, match="argument 2"):
        ratios([1], [1, 2])


@pytest.mark.parametrize(
    ("limit", "figure", "verdict"),
    [
        (Limit(0.6, is_minimum=True), 0.6, "reached"),
        (Limit(0.6, is_minimum=True), 0.59, "missed"),
        (Limit(90.0), 90.0, "reached"),
        (Limit(90.0), 90.1, "missed"),
    ],
)
def test_a_limit_is_kept_up_to_itself(limit: Limit, figure: float, verdict: str) -> None:
    assert Result("any", figure, "", limit).verdict == verdict


def test_what_has_no_target_has_no_verdict() -> None:
    assert Result("any", 1.0, "").verdict == "-"


def test_a_comparison_tells_ratio_rates_costs_and_failures() -> None:
    ours = Side("ours", [a_round(60, failures=1), a_round(90), a_round(80)])
    floor = Side("floor", [a_round(100), a_round(100), a_round(100)])
    by_rate, by_cpu = compared("list", ours, floor, 0.6)
    assert by_rate.figure == pytest.approx(0.8)
    assert by_rate.verdict == "reached"
    assert by_rate.detail == (
        "40/s against 50/s, 12500 against 10000 µs CPU a request, rounds 0.60-0.90, 1 failures"
    )
    assert by_cpu.figure == pytest.approx(0.8)
    assert by_cpu.limit is None
    assert by_cpu.detail == "best rounds 11111 against 10000 µs, rounds 0.60-0.90"
