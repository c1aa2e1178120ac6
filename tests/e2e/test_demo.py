"""`make demo`: the platform's main job, step by step, and its verdict."""

import pytest
from tests.e2e.stage import Stage

PROMISED = (
    "five people sign in",
    "sales notes a lead",
    "sales converts it to a deal",
    "sales wins the deal",
    "the delivery item is there",
    "finance has an invoice",
    "finance sends it: number and lock",
    "the mail with the PDF",
    "ops delivers",
    "finance notes the payment",
    "the whole timeline",
    "everybody concerned was notified",
    "the audit log tells who did it",
    "the CEO sees the health score",
)


@pytest.mark.timeout(90)
def test_the_demo_tells_the_whole_journey_and_ends_well(stage: Stage) -> None:
    done = stage.local("demo", COLUMNS="160")
    assert done.returncode == 0, done.stdout
    steps = [line for line in done.stdout.splitlines() if "✓" in line]
    assert len(steps) == len(PROMISED)
    for promised, line in zip(PROMISED, steps, strict=True):
        assert promised in line
        assert " ms " in line
    assert "Everything arrived" in done.stdout
