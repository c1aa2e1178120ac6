"""Demo data against a small platform in memory: complete, in its states, and the same after a second run."""

from collections import Counter
from io import StringIO
from itertools import count
from typing import Any

import httpx2
import pytest
from rich.console import Console

from local.demo import Journey
from local.front_door import FrontDoor, Person, Refused
from local.seed import Filler
from local.seed_rows import ORGANISATIONS, OrganisationRows

_START = {"leads": ("stage", "NEW"), "deals": ("stage", "OPEN"), "work-items": ("status", "TODO")}
_MOVES = {
    "qualify": "QUALIFIED",
    "mark-won": "WON",
    "mark-lost": "LOST",
    "complete": "DONE",
    "send": "SENT",
    "mark-paid": "PAID",
}


class MemoryDoor(FrontDoor):
    """Lists, creation and the moves of the first release, without rules."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.writes = 0
        self._ids = map(str, count(1))

    def sign_in(self, email: str, password: str = "") -> Person:
        return Person(self, email, password)

    def ask(self, method: str, path: str, **request: Any) -> Any:
        kind, *rest = path.strip("/").split("/")
        if path == "/auth/me":
            return {"id": "me"}
        if method == "GET":
            if rest:  # contacts of a company
                found = [row for row in self.rows.get("contacts", []) if row["companyId"] == rest[0]]
            else:
                found = self.rows.get(kind, [])
            return {"items": found, "total": len(found)}
        self.writes += 1
        body = request["json"]
        if not rest:
            return self._create(kind, body)
        row = next(row for row in self.rows[kind] if row["id"] == rest[0])
        row["stage" if kind in ("leads", "deals") else "status"] = _MOVES.get(rest[1]) or body["status"]
        return row

    def _create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        key, state = _START.get(kind, ("status", "DRAFT"))
        row = {"id": next(self._ids), key: state, "reference": body.get("invoiceNumber"), **body}
        self.rows.setdefault(kind, []).append(row)
        return row


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda rows: rows.slug)
def test_every_row_reaches_its_state_and_a_second_run_writes_nothing(organisation: OrganisationRows) -> None:
    door = MemoryDoor()
    total = Filler(door, organisation).fill()
    assert total == sum(len(rows) for kind, rows in door.rows.items() if kind != "contacts")
    assert len(door.rows["contacts"]) == len(organisation.companies)
    stages = Counter(row["stage"] for row in door.rows["deals"])
    assert set(stages) == {"WON", "LOST", "OPEN"}
    for row, invoice in zip(organisation.invoices, door.rows["invoices"], strict=True):
        assert invoice["status"] == row.state.upper()
    for work, item in zip(organisation.work, door.rows["work-items"], strict=True):
        assert item["status"] == work.status
    assert any(row.due_in_days < 0 and row.state == "sent" for row in organisation.invoices)

    written = door.writes
    assert Filler(door, organisation).fill() == total
    assert door.writes == written


def test_a_row_that_was_left_halfway_is_completed() -> None:
    door = MemoryDoor()
    organisation = ORGANISATIONS[0]
    Filler(door, organisation).fill()
    won = next(row for row in door.rows["deals"] if row["stage"] == "WON")
    won["stage"] = "OPEN"
    door.rows["contacts"].pop()
    Filler(door, organisation).fill()
    assert won["stage"] == "WON"
    assert len(door.rows["contacts"]) == len(organisation.companies)


def test_the_demo_stops_at_the_first_step_that_is_not_as_promised() -> None:
    class Forgetful(MemoryDoor):
        def ask(self, method: str, path: str, **request: Any) -> Any:
            if path == "/leads":
                raise Refused("POST /leads: 503 SERVICE_UNAVAILABLE")
            return super().ask(method, path, **request)

    output = StringIO()
    journey = Journey(Forgetful(), "http://127.0.0.1:1", Console(file=output, width=200))
    with pytest.raises(Refused, match="503"):
        journey.run()
    assert "five people sign in" in output.getvalue()
    assert "sales notes a lead" not in output.getvalue()


def test_a_refusal_is_one_line_that_says_when_to_try_again() -> None:
    error = {"code": "TOO_MANY_REQUESTS", "message": "Too many requests.", "details": None}
    answer = httpx2.Response(429, json={"error": error}, headers={"retry-after": "42"})
    door = FrontDoor.__new__(FrontDoor)
    door._client = httpx2.Client(base_url="https://x", transport=httpx2.MockTransport(lambda _: answer))
    with pytest.raises(Refused, match=r"^POST /auth/login: 429 TOO_MANY_REQUESTS .* Try again in 42 s\.$"):
        door.sign_in("owner@acme.example")
