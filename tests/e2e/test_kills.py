"""kill -9 in the middle of traffic: what was acknowledged is there, nothing twice, healthy again within ten seconds."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.e2e.conftest import People
from tests.e2e.stage import HEAL_SECONDS, Stage, eventually
from tests.e2e.traffic import Ledger, traffic
from tests.e2e.visitor import Json, Visitor

from local.ports import CONTEXTS

Role = Callable[[str], Visitor]
EVERYBODY = ("postgres", "nats", "mail", "gateway", *CONTEXTS)
BEFORE_SECONDS = 0.5
AFTER_SECONDS = 0.5
FACTS_SECONDS = 10.0


def rows(visitor: Visitor, path: str, **query: object) -> Iterator[Json]:
    """Every row of a list, page after page."""
    page = 1
    while True:
        answer = visitor.get(path, page=page, pageSize=100, **query)
        yield from answer["items"]
        if page * 100 >= answer["total"]:
            return
        page += 1


@pytest.fixture
def writer(visit: People, person: Role) -> Callable[[], Visitor]:
    """Clients of their own connections, all of one seller."""

    def _writer() -> Visitor:
        visitor = visit()
        visitor.token = person("sales").token
        return visitor

    return _writer


def check(ledger: Ledger, person: Role) -> None:
    """Everything acknowledged exists once, and every won deal has exactly one item and one invoice."""
    sales, ops, finance = person("sales"), person("ops"), person("finance")
    assert ledger.won
    companies = list(rows(sales, "/companies", q=ledger.mark))
    deals = list(rows(sales, "/deals", q=ledger.mark))
    for kept, acknowledged, name in ((companies, ledger.companies, "name"), (deals, ledger.deals, "title")):
        assert Counter(row[name] for row in kept) == Counter(dict.fromkeys(acknowledged, 1))
        assert {row[name]: row["id"] for row in kept} == acknowledged
    assert {row["id"] for row in deals if row["stage"] == "WON"} == ledger.won

    def items() -> Counter[str]:
        return Counter(row["dealId"] for row in rows(ops, "/work-items", q=ledger.mark))

    def invoices() -> Counter[str]:
        of_mark = (row for row in rows(finance, "/invoices", sortBy="createdAt"))
        return Counter(row["dealId"] for row in of_mark if row["dealId"] in ledger.won)

    for look in (items, invoices):
        eventually(partial(_covers, look, ledger.won), look.__name__, seconds=FACTS_SECONDS)
        assert look() == Counter(dict.fromkeys(ledger.won, 1)), look.__name__


def _covers(look: Callable[[], Counter[str]], wanted: set[str]) -> bool:
    return set(look()) >= wanted


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", EVERYBODY)
def test_a_killed_process_loses_nothing_and_is_back(
    stage: Stage, person: Role, writer: Callable[[], Visitor], name: str
) -> None:
    before = stage.pids()
    with traffic(writer) as ledger:
        time.sleep(BEFORE_SECONDS)
        killed = stage.kill(name)
        seconds = stage.healed(name, killed)
        time.sleep(AFTER_SECONDS)
    after = stage.pids()
    assert {each for each in before if before[each] != after[each]} == {name}, (
        "nobody else had to start again"
    )
    print(f"{name}: healthy after {seconds:.1f} s, {len(ledger.won)} deals won, {ledger.repeats} repeats")
    check(ledger, person)


@pytest.mark.timeout(90)
def test_all_killed_at_once_lose_nothing_and_are_back(
    stage: Stage, person: Role, writer: Callable[[], Visitor]
) -> None:
    with traffic(writer) as ledger:
        time.sleep(BEFORE_SECONDS)
        killed = {name: stage.kill(name) for name in EVERYBODY}
        began = time.monotonic()
        for name, pid in killed.items():
            stage.healed(name, pid, within=HEAL_SECONDS * 2 - (time.monotonic() - began))
        time.sleep(AFTER_SECONDS)
    check(ledger, person)


@pytest.mark.timeout(90)
def test_with_the_broker_away_writes_succeed_and_facts_arrive_later(
    stage: Stage, person: Role, writer: Callable[[], Visitor]
) -> None:
    broker = int(stage.process("nats")["pid"])
    os.kill(broker, signal.SIGSTOP)  # it hangs; the supervisor will find out and start it again
    began = time.monotonic()
    with traffic(writer, writers=2) as ledger:
        time.sleep(1.5)
    assert ledger.repeats == 0
    assert len(ledger.won) >= 4
    assert all(stage.process(name)["pid"] for name in CONTEXTS)
    if time.monotonic() - began < 3:
        assert not list(rows(person("ops"), "/work-items", q=ledger.mark))
    stage.healed("nats", broker, within=HEAL_SECONDS + 5)
    check(ledger, person)


@pytest.mark.timeout(200)
def test_a_killed_supervisor_takes_its_children_along_and_the_next_start_recovers(
    stage: Stage, person: Role, writer: Callable[[], Visitor]
) -> None:
    pids = [int(entry["pid"]) for entry in stage.run["processes"]]
    with traffic(writer) as ledger:
        time.sleep(BEFORE_SECONDS)
        os.kill(int(stage.run["supervisor"]), signal.SIGKILL)
        eventually(lambda: not any(map(_lives, pids)), "the end of every child", seconds=5)
        said = stage.up()
        time.sleep(AFTER_SECONDS)
    assert "Execos is ready" in said
    check(ledger, person)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
