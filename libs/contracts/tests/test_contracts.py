"""The guards of the contracts: each refuses what it is there for, and today's contracts pass."""

import importlib.util
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

CONTRACTS = Path(__file__).resolve().parent.parent

spec = importlib.util.spec_from_file_location("generate", CONTRACTS / "generate.py")
assert spec
assert spec.loader
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)

STAGE = "string stage = 4;\n  // Absent when nobody"


def file_of(name: str, messages: dict[str, str | None]) -> dict[str, Any]:
    """A file descriptor with messages and the facts they claim."""
    context = name.split("/")[1]
    return {
        "name": name,
        "package": f"execos.{context}.v1",
        "messageType": [
            {"name": message, "options": {generate.FACT_OPTION: fact} if fact else {}}
            for message, fact in messages.items()
        ],
    }


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy of the contracts to spoil."""
    return shutil.copytree(generate.PROTOS, tmp_path / "protos")


def spoil(protos: Path, name: str, old: str, new: str) -> list[str]:
    """What buf says after one edit."""
    path = protos / "execos" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    problems: list[str] = generate.buf_problems(protos, generate.BASELINE)
    return problems


def test_the_contracts_pass_every_guard_and_generate_what_is_committed() -> None:
    assert generate.check() == []


def test_a_new_optional_field_is_no_problem(protos: Path) -> None:
    added = "string stage = 4;\n  optional string colour = 99;\n  // Absent when nobody"
    assert spoil(protos, "sales/v1/snapshots.proto", STAGE, added) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("snapshots", STAGE, "// Absent when nobody", 'field "4" with name "stage"'),
        ("snapshots", STAGE, STAGE.replace("string", "int32"), "changed type"),
        ("snapshots", STAGE, STAGE.replace("stage", "state"), "changed name"),
        ("sales", "rpc GetDeal(", "rpc ReadDeal(", 'RPC "GetDeal"'),
    ],
)
def test_a_breaking_change_is_refused(protos: Path, file: str, old: str, new: str, complaint: str) -> None:
    problems = spoil(protos, f"sales/v1/{file}.proto", old, new)
    assert any(complaint in problem for problem in problems), problems


def test_a_name_against_the_style_is_refused(protos: Path) -> None:
    problems = spoil(protos, "sales/v1/snapshots.proto", "optional string vat_id", "optional string vatId")
    assert any("lower_snake_case" in problem for problem in problems), problems


def test_an_unformatted_file_is_refused(protos: Path) -> None:
    assert spoil(protos, "sales/v1/snapshots.proto", "  string title = 3;", "    string title  = 3;")


def test_what_does_not_compile_is_refused(protos: Path) -> None:
    assert spoil(protos, "sales/v1/snapshots.proto", STAGE, "sting")


@pytest.mark.parametrize(
    ("message", "fact", "complaint"),
    [
        ("DealWin", "deal.win", "deal.win is not past tense"),
        ("DealClosed", "deal.won", "differ"),
        ("DealWon", "DealWon", "snake case"),
        ("DealWon", "sales.deal.won", "snake case"),
        ("DealWon", None, "is no fact"),
    ],
)
def test_a_badly_declared_fact_is_refused(message: str, fact: str | None, complaint: str) -> None:
    contracts = [file_of("execos/sales/v1/events.proto", {message: fact})]
    (problem,) = generate.fact_problems(contracts, [])
    assert complaint in problem


def test_two_messages_cannot_be_the_same_fact() -> None:
    contracts = [
        file_of("execos/sales/v1/events.proto", {"DealWon": "deal.won"}),
        file_of("execos/sales/v1/more.proto", {"DealWon": "deal.won"}),
    ]
    (problem,) = generate.fact_problems(contracts, [])
    assert problem.startswith("sales.deal.won.v1: claimed by")


@pytest.mark.parametrize("now", [{"DealClosed": "deal.closed"}, {}])
def test_a_released_fact_stays(now: dict[str, str | None]) -> None:
    released = [file_of("execos/sales/v1/events.proto", {"DealWon": "deal.won"})]
    (problem,) = generate.fact_problems([file_of("execos/sales/v1/events.proto", now)], released)
    assert "sales.deal.won.v1: released as" in problem


def test_an_edited_a_missing_and_a_leftover_generated_file_are_drift(tmp_path: Path) -> None:
    copy = shutil.copytree(generate.GENERATED, tmp_path / "execos", ignore=shutil.ignore_patterns("*.pyc"))
    (copy / "sales/v1/events_pb2.py").write_text("edited")
    (copy / "work/v1/events_pb2.pyi").unlink()
    (copy / "work/v1/old_pb2.py").touch()
    assert [problem.split(":")[0] for problem in generate.drift(copy)] == [
        "execos/sales/v1/events_pb2.py",
        "execos/work/v1/events_pb2.pyi",
        "execos/work/v1/old_pb2.py",
    ]


def test_every_aggregate_that_others_copy_carries_id_and_version() -> None:
    for path in generate.PROTOS.rglob("snapshots.proto"):
        for name, body in re.findall(
            r"^message (\w+Snapshot) \{(.*?)^\}", path.read_text(), re.MULTILINE | re.DOTALL
        ):
            assert re.search(r"string (user_)?id = 1;", body), name
            assert "int32 version = 2;" in body, name
