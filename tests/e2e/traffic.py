"""Writers that never give up: every command is repeated with its key until it is acknowledged, and noted then."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx2
from tests.e2e.visitor import Json, Visitor, envelope

PACE_SECONDS = 0.05  # what is killed needs the processor to come back
PAUSE_SECONDS = 0.1
GIVE_UP_SECONDS = 30.0
# What a client repeats: the twin is still under way, somebody is away for a moment.
REPEATED = frozenset({"REQUEST_IN_FLIGHT", "SERVICE_UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"})


@dataclass
class Ledger:
    """What was acknowledged: ids by the name the row was given."""

    mark: str = field(default_factory=lambda: uuid4().hex[:10])
    companies: dict[str, str] = field(default_factory=dict)
    deals: dict[str, str] = field(default_factory=dict)
    won: set[str] = field(default_factory=set)
    repeats: int = 0
    faults: list[str] = field(default_factory=list)


class Writer(threading.Thread):
    """One client: a company, a deal, the deal won, again and again."""

    def __init__(self, number: int, visitor: Visitor, ledger: Ledger, stop: threading.Event) -> None:
        super().__init__(name=f"writer-{number}", daemon=True)
        self._number = number
        self._visitor = visitor
        self._ledger = ledger
        self._is_over = stop
        self._owner = ""

    def run(self) -> None:
        """Write until told to stop; the last chain is finished."""
        count = 0
        try:
            self._owner = self._visitor.get("/auth/me")["id"]
            while not self._is_over.is_set():
                count += 1
                self._write_chain(f"{self._ledger.mark} {self._number}-{count}")
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test must hear of it
            self._ledger.faults.append(repr(fault))

    def _write_chain(self, name: str) -> None:
        company = self._insist("/companies", {"name": name})
        self._ledger.companies[name] = company["id"]
        terms = {"valueAmount": "100.00", "currency": "EUR", "ownerUserId": self._owner}
        deal = self._insist("/deals", {"title": name, "companyId": company["id"], **terms})
        self._ledger.deals[name] = deal["id"]
        won = self._insist(f"/deals/{deal['id']}/mark-won", {})
        if won["stage"] == "WON":
            self._ledger.won.add(deal["id"])

    def _insist(self, path: str, body: Json) -> Json:
        time.sleep(PACE_SECONDS)
        key = str(uuid4())
        deadline = time.monotonic() + GIVE_UP_SECONDS
        said = ""
        while time.monotonic() < deadline:
            try:
                answer = self._visitor.ask(
                    "POST", f"/api/v1{path}", json=body, headers={"Idempotency-Key": key}
                )
            except httpx2.TransportError as error:
                said = repr(error)
            else:
                if answer.is_success:
                    content: Json = answer.json()
                    return content
                said = f"{answer.status_code} {answer.text[:200]}"
                if envelope(answer)["code"] not in REPEATED:
                    break
            self._ledger.repeats += 1
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{path}: {said}")


@contextmanager
def traffic(visitors: Callable[[], Visitor], *, writers: int = 3) -> Iterator[Ledger]:
    """Traffic for the length of the block; what was acknowledged is in the ledger."""
    ledger, stop = Ledger(), threading.Event()
    threads = [Writer(number, visitors(), ledger, stop) for number in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield ledger
    finally:
        stop.set()
        for thread in threads:
            thread.join(GIVE_UP_SECONDS + 5)
    if ledger.faults:
        raise AssertionError(ledger.faults)
