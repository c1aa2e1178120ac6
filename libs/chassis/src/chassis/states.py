"""State machines: a state moves along its table or the move is refused."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from chassis.errors import AppError, Kind

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(AppError):
    """The table has no such move; details name from, to and what is allowed."""

    kind = Kind.CONFLICT
    reason = "ILLEGAL_TRANSITION"


def check_move(moves: Mapping[S, frozenset[S]], current: S, wanted: S) -> None:
    """Raise IllegalTransition unless `moves` allows going from `current` to `wanted`."""
    allowed = moves.get(current, frozenset())
    if wanted not in allowed:
        raise IllegalTransition(
            f"{current.value} cannot become {wanted.value}.",
            **{
                "from": current.value,
                "to": wanted.value,
                "allowed": sorted(state.value for state in allowed),
            },
        )
