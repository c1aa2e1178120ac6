"""The arithmetic of the timeline."""

from datetime import UTC, datetime, timedelta

from chassis.ids import new_id
from sales.domain.timeline import MilestoneType, Timeline, timeline

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
LEAD, DEAL, WORK, SENT, PAID = MilestoneType


def cycle(threshold_hours: int = 24, **hours: float | None) -> Timeline:
    """A timeline whose steps come that many hours after the start."""
    reached = {
        MilestoneType[name]: None if after is None else START + timedelta(hours=after)
        for name, after in hours.items()
    }
    return timeline(new_id(), reached, threshold_hours)


def test_durations_have_two_decimals_and_the_threshold_is_exclusive() -> None:
    found = cycle(LEAD_CREATED=0, DEAL_CREATED=24, WORK_ROOT_CREATED=48.01, INVOICE_SENT=48.01 + 1 / 3)
    assert [each.duration_from_previous_hours for each in found.milestones] == [None, 24.0, 24.01, 0.33]
    assert [each.is_bottleneck for each in found.milestones] == [False, False, True, False]
    assert (found.total_cycle_hours, found.policy_threshold_hours) == (48.34, 24)


def test_steps_stand_in_the_order_of_time_and_ties_in_their_usual_order() -> None:
    found = cycle(INVOICE_PAID=3, INVOICE_SENT=1, DEAL_CREATED=0, WORK_ROOT_CREATED=3, LEAD_CREATED=None)
    assert [each.type for each in found.milestones] == [DEAL, SENT, WORK, PAID]
    assert all((each.duration_from_previous_hours or 0) >= 0 for each in found.milestones)


def test_one_step_is_no_cycle() -> None:
    assert cycle(DEAL_CREATED=5).total_cycle_hours is None
