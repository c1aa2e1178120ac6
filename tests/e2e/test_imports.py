"""A file is imported although the service dies in the middle of it: every row once, and the rest goes on by itself."""

from collections import Counter
from collections.abc import Callable
from uuid import uuid4

import pytest
from tests.e2e.conftest import People
from tests.e2e.stage import Stage, eventually
from tests.e2e.visitor import Json, Visitor

ROWS = 3000
FINISHED_SECONDS = 40.0


@pytest.fixture
def manager(visit: People) -> Visitor:
    """Somebody who may import."""
    return visit("manager@acme.example")


def uploaded(visitor: Visitor, entity: str, content: str) -> Json:
    """A file that was taken in, with the mapping that is suggested."""
    sent = visitor.ask(
        "POST", "/api/v1/imports", data={"entity": entity}, files={"file": ("rows.csv", content.encode())}
    )
    assert sent.status_code == 201, sent.text
    run: Json = sent.json()
    mapped: Json = visitor.put(f"/imports/{run['id']}/mapping", {"mapping": run["suggestedMapping"]})
    return mapped


def progress(visitor: Visitor, run: Json) -> Callable[[], int]:
    """How many rows are done, as soon as the service answers."""

    def _done() -> int:
        answer = visitor.ask("GET", f"/api/v1/imports/{run['id']}")
        return int(answer.json()["progress"]["done"]) if answer.is_success else 0

    return _done


def is_over(visitor: Visitor, run: Json) -> bool:
    """Whether it is applied, or has failed."""
    answer = visitor.ask("GET", f"/api/v1/imports/{run['id']}")
    return answer.is_success and answer.json()["status"] in {"applied", "failed"}


@pytest.mark.timeout(120)
def test_an_import_whose_process_is_killed_goes_on_and_does_every_row_once(
    stage: Stage, manager: Visitor
) -> None:
    mark = f"Import {uuid4().hex[:8]}"
    names = [f"{mark} {number:04d}" for number in range(ROWS)]
    run = uploaded(manager, "company", "\n".join(["Name", *names]))
    done = progress(manager, run)
    manager.post(f"/imports/{run['id']}/apply")
    eventually(lambda: done() > 0, "the first rows", seconds=FINISHED_SECONDS)
    assert done() < ROWS
    stage.healed("sales", stage.kill("sales"))
    eventually(lambda: is_over(manager, run), "the end of the import", seconds=FINISHED_SECONDS)
    applied = manager.get(f"/imports/{run['id']}")
    assert (applied["status"], applied["progress"]) == ("applied", {"done": ROWS, "total": ROWS})
    assert {name: count for name, count in applied["counters"].items() if count} == {
        "valid": ROWS,
        "create": ROWS,
    }
    kept = Counter(
        row["name"]
        for page in range(1, ROWS // 100 + 2)
        for row in manager.get("/companies", q=mark, page=page, pageSize=100, sortBy="name")["items"]
    )
    assert kept == Counter(dict.fromkeys(names, 1))
    history = manager.get(f"/imports/{run['id']}/activity")["items"]
    assert [entry["action"] for entry in history] == ["APPLIED", "APPLY", "MAP", "CREATE"]
