"""The states of a delivery: every pair, the schedule, and what a crash leaves behind."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest

from chassis.states import IllegalTransition
from notifications.domain.deliveries import (
    ERROR_LENGTH,
    MOVES,
    NORMAL,
    SECONDS,
    UNFINISHED,
    Delivery,
    Failure,
    State,
    schedule_of,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = Failure("try again")
FINAL = Failure("never", is_permanent=True)
FINISHED = {State.DELIVERED, State.DEAD, State.SUPERSEDED}


def delivery(state: State = State.QUEUED, **values: object) -> Delivery:
    columns = {"attempts": 0, "interruptions": 0, "next_at": NOW, "error": None, "mail_id": uuid4()}
    return Delivery(org_id=uuid4(), id=uuid4(), channel="e-mail", state=state.value, **columns | values)


@pytest.mark.parametrize(("before", "wanted"), list(product(State, State)))
def test_a_delivery_moves_along_its_table_and_no_other_way(before: State, wanted: State) -> None:
    each = delivery(before)
    moves: dict[State, Callable[[], object]] = {
        State.SENDING: lambda: each.hand_over(NOW),
        State.DELIVERED: lambda: each.arrive(NOW),
        State.RETRY: lambda: each.fail(NOW, LATER, SECONDS),
        State.DEAD: lambda: each.fail(NOW, FINAL, SECONDS),
        State.SUPERSEDED: lambda: each.supersede(NOW),
    }
    if wanted is State.QUEUED:
        assert all(State.QUEUED not in allowed for allowed in MOVES.values())
    elif wanted in MOVES[before]:
        moves[wanted]()
        assert (each.state, each.updated_at) == (wanted, NOW)
    else:
        with pytest.raises(IllegalTransition):
            moves[wanted]()
        assert each.state == before


def test_table_says_what_is_finished() -> None:
    assert {state for state in State if not MOVES[state]} == FINISHED == set(State) - set(UNFINISHED)


def test_failed_tries_wait_as_the_schedule_says_and_then_end() -> None:
    each, now = delivery(), NOW
    for number, wait in enumerate(NORMAL, start=1):
        assert each.fail(now, LATER, NORMAL) is False
        assert (each.next_at, each.attempts) == (now + wait, number)
        now += wait
    assert each.fail(now, LATER, NORMAL) is True
    assert (each.state, each.next_at, each.attempts) == (State.DEAD, None, len(NORMAL) + 1)


def test_final_failure_ends_at_once() -> None:
    each = delivery()
    assert each.fail(NOW, FINAL, NORMAL) is True
    assert (each.state, each.attempts, each.error) == (State.DEAD, 1, "never")


def test_reason_fits_its_column() -> None:
    each = delivery()
    each.fail(NOW, Failure("x" * 9999), NORMAL)
    assert len(str(each.error)) == ERROR_LENGTH


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("attempt", [1, 2, 3, 4])
def test_only_the_next_try_of_an_unfinished_delivery_begins(state: State, attempt: int) -> None:
    each = delivery(state, attempts=2)
    assert each.begin(NOW, attempt) is (attempt == 3 and state not in FINISHED)


def test_interrupted_mail_is_sent_once_more_and_never_a_third_time() -> None:
    each = delivery()
    assert each.begin(NOW, 1)
    each.hand_over(NOW)
    assert each.begin(NOW, 1)
    assert (each.state, each.interruptions) == (State.RETRY, 1)
    each.hand_over(NOW)
    assert not each.begin(NOW, 1)
    assert (each.state, each.interruptions) == (State.DEAD, 2)


def test_arrival_forgets_earlier_errors() -> None:
    each = delivery(State.SENDING, error="earlier")
    each.arrive(NOW)
    assert (each.state, each.delivered_at, each.error, each.next_at) == (State.DELIVERED, NOW, None, None)


def test_superseded_mail_waits_for_nothing_and_is_no_failure() -> None:
    each = delivery(State.RETRY, error="earlier")
    each.supersede(NOW)
    assert (each.next_at, each.error, each.attempts) == (None, None, 0)


def test_test_profile_counts_in_seconds() -> None:
    assert schedule_of("test") == SECONDS
    assert schedule_of("default") == NORMAL
    assert max(SECONDS) <= timedelta(seconds=4)
