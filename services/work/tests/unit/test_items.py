"""Every pair of states, by every method."""

from datetime import UTC, datetime
from itertools import product

import pytest

from chassis.states import IllegalTransition
from work.domain.items import Status, WorkItem

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BEFORE = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAIRS = list(product(Status, Status))


def item(status: Status) -> WorkItem:
    """An item in a status."""
    return WorkItem(status=status, completed_at=BEFORE if status is Status.DONE else None)


@pytest.mark.parametrize(("current", "wanted"), [pair for pair in PAIRS if pair[0] is not Status.DONE])
def test_open_item_moves_to_every_status(current: Status, wanted: Status) -> None:
    moved = item(current).move(wanted, NOW)
    assert moved.status == wanted
    assert moved.completed_at == (NOW if wanted is Status.DONE else None)


@pytest.mark.parametrize("wanted", [Status.TODO, Status.IN_PROGRESS, Status.BLOCKED])
def test_done_item_moves_nowhere(wanted: Status) -> None:
    done = item(Status.DONE)
    with pytest.raises(IllegalTransition) as refused:
        done.move(wanted, NOW)
    assert refused.value.details == {"from": "DONE", "to": wanted.value, "allowed": []}
    assert (done.status, done.completed_at) == (Status.DONE, BEFORE)


def test_done_item_stays_completed_when_it_was() -> None:
    assert item(Status.DONE).move(Status.DONE, NOW).completed_at == BEFORE


def test_done_item_is_reopened_to_todo() -> None:
    reopened = item(Status.DONE).reopen()
    assert (reopened.status, reopened.completed_at) == (Status.TODO, None)


@pytest.mark.parametrize("current", [Status.TODO, Status.IN_PROGRESS, Status.BLOCKED])
def test_open_item_is_not_reopened(current: Status) -> None:
    with pytest.raises(IllegalTransition):
        item(current).reopen()
