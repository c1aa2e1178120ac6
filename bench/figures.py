"""Arithmetic of measurements: percentiles, medians over rounds, ratios round by round, verdicts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Verdict = Literal["reached", "missed", "-"]


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile, `share` from 0 to 1; ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratios(ours: Sequence[float], floor: Sequence[float]) -> list[float]:
    """Ours over the floor's, round by round; ValueError when the rounds do not pair."""
    return [one / other for one, other in zip(ours, floor, strict=True)]


@dataclass(frozen=True)
class Round:
    """What one side did in one round of load."""

    requests: int
    failures: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cpu_micros(self) -> float:
        """Processor time of the server a request, in microseconds."""
        return self.cpu_seconds * 1_000_000 / max(1, self.requests)


@dataclass(frozen=True)
class Side:
    """One side of a comparison: its rounds."""

    name: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """The median of the rounds."""
        return median(each.per_second for each in self.rounds)

    @property
    def cpu_micros(self) -> float:
        """The median of the rounds."""
        return median(each.cpu_micros for each in self.rounds)

    @property
    def least_cpu_micros(self) -> float:
        """The best round: what others on the machine disturbed least."""
        return min(each.cpu_micros for each in self.rounds)

    @property
    def failures(self) -> int:
        """Of all rounds."""
        return sum(each.failures for each in self.rounds)


@dataclass(frozen=True)
class Limit:
    """A target: a figure at least or at most this."""

    value: float
    is_minimum: bool = False
    unit: str = ""

    def verdict(self, figure: float) -> Verdict:
        """Whether a figure keeps it."""
        is_kept = figure >= self.value if self.is_minimum else figure <= self.value
        return "reached" if is_kept else "missed"

    def __str__(self) -> str:
        """As a table says it."""
        return f"{'≥' if self.is_minimum else '≤'} {self.value:g}{self.unit}"


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    name: str
    figure: float
    unit: str
    limit: Limit | None = None
    detail: str = ""

    @property
    def verdict(self) -> Verdict:
        """Reached, missed, or nothing to reach."""
        return self.limit.verdict(self.figure) if self.limit else "-"


def compared(name: str, ours: Side, floor: Side, minimum: float) -> list[Result]:
    """The lines of a comparison by throughput, with the processor time beside it."""
    rounds = ratios([each.per_second for each in ours.rounds], [each.per_second for each in floor.rounds])
    spread = f"rounds {min(rounds):.2f}-{max(rounds):.2f}"
    rates = f"{ours.per_second:.0f}/s against {floor.per_second:.0f}/s"
    costs = f"{ours.cpu_micros:.0f} against {floor.cpu_micros:.0f} µs CPU a request"
    failures = ours.failures + floor.failures
    told = [rates, costs, spread] + ([f"{failures} failures"] if failures else [])
    cpu = ratios([each.cpu_micros for each in floor.rounds], [each.cpu_micros for each in ours.rounds])
    best = f"best rounds {ours.least_cpu_micros:.0f} against {floor.least_cpu_micros:.0f} µs"
    by_cpu = f"{best}, rounds {min(cpu):.2f}-{max(cpu):.2f}"
    return [
        Result(name, median(rounds), "x floor", Limit(minimum, is_minimum=True, unit="x"), ", ".join(told)),
        Result(f"{name}, by server CPU", median(cpu), "x floor", None, by_cpu),
    ]
