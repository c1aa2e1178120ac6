"""Refused sign-ins tell nothing by the work they cost, whatever they are refused for.

Recorded are the statements, the hashes and the time that the path itself computes, in the event loop's thread and in
the threads that hash: not the wall clock, which others share.
"""

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from statistics import mean, variance
from typing import Any
from uuid import uuid4

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from services.identity.tests.place import PASSWORD, Person, Place

from identity.domain.members import MemberState
from identity.domain.roles import Role
from identity.passwords import LANES, PASSES, Passwords

ROUNDS = 24
SEEN_KIB = 4096
KNOWN_APART = 6.0
"""Beyond this Welch's t tells two samples of this size apart; the same path twice stays far below."""


@dataclass
class Recorder:
    """What one sign-in costs, while it is the only one."""

    hashes: list[str] = field(default_factory=list)
    hashing_seconds: float = 0.0

    def around(self, verify: Callable[..., Any]) -> Callable[..., Any]:
        """The hasher's own comparison, recorded in the thread that does it."""

        def recorded(password: Any, stored: Any) -> Any:
            started = time.thread_time()
            try:
                return verify(password, stored)
            finally:
                self.hashing_seconds += time.thread_time() - started
                self.hashes.append(str(stored).rpartition("$")[0].rpartition("$")[0])

        return recorded


@cache
def _seen_hash() -> str:
    return Argon2Hasher(time_cost=PASSES, memory_cost=SEEN_KIB, parallelism=LANES).hash(PASSWORD)


async def _person(place: Place, **values: Any) -> Person:
    person = await place.join(Role.SALES)
    await place.change_account(person, **{"password_hash": _seen_hash()} | values)
    return person


async def _unknown(place: Place) -> Person:
    person = await _person(place)
    person.email = f"{uuid4().hex}@nobody.example"
    return person


async def _locked(place: Place) -> Person:
    person = await _person(place)
    for _ in range(5):
        await person.sign_in("wrong password")
    return person


async def _suspended(place: Place) -> Person:
    person = await place.join(Role.SALES, status=MemberState.SUSPENDED)
    await place.change_account(person, password_hash=_seen_hash())
    return person


CASES: dict[str, tuple[Callable[[Place], Awaitable[Person]], str]] = {
    "wrong": (_person, "wrong password"),
    "unknown": (_unknown, PASSWORD),
    "locked": (_locked, PASSWORD),
    "deactivated": (lambda place: _person(place, is_active=False), PASSWORD),
    "suspended": (_suspended, PASSWORD),
    "without a password": (lambda place: _person(place, password_hash=None), PASSWORD),
}


@pytest.fixture
def recorder(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Records every comparison; hashes cost enough here that one less, or a cheaper one, would be seen."""
    recorder, before = Recorder(), place.reception.passwords
    passwords = Passwords(memory_kib=SEEN_KIB)
    place.hash_with(passwords)
    monkeypatch.setattr(passwords._argon2, "verify", recorder.around(passwords._argon2.verify))
    yield recorder
    place.hash_with(before)
    passwords.close()


async def test_every_refusal_costs_the_same_statements_and_hashes(place: Place, recorder: Recorder) -> None:
    await place.owner.sign_in()
    recorded = {}
    for name, (make, password) in CASES.items():
        person = await make(place)
        await place.reception.settle()
        recorder.hashes.clear()
        answer = await person.sign_in(password)
        assert answer.status_code == 401
        recorded[name] = (answer.headers["server-timing"], tuple(recorder.hashes))
        await place.reception.settle()
    assert len(set(recorded.values())) == 1, recorded
    assert recorded["wrong"][1] == (f"$argon2id$v=19$m={SEEN_KIB},t=2,p=1",)


async def test_refusals_take_the_same_time(place: Place, recorder: Recorder) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    locked = await _locked(place)
    for _ in range(ROUNDS):
        people = {
            name: locked if name == "locked" else await make(place) for name, (make, _) in CASES.items()
        }
        for name, person in random.sample(sorted(people.items()), len(people)):
            await place.reception.settle()
            recorder.hashing_seconds = 0.0
            started = time.thread_time()
            answer = await person.sign_in(CASES[name][1])
            seconds[name].append(time.thread_time() - started + recorder.hashing_seconds)
            assert answer.status_code == 401
    for one, other in combinations(seconds, 2):
        assert abs(_welch(seconds[one], seconds[other])) < KNOWN_APART, (one, other)


def _welch(one: list[float], other: list[float]) -> float:
    # Without the slowest quarter, which is the garbage collector's.
    kept = [sorted(sample)[: len(sample) * 3 // 4] for sample in (one, other)]
    spread = sum(variance(sample) / len(sample) for sample in kept) ** 0.5
    return (mean(kept[0]) - mean(kept[1])) / spread
