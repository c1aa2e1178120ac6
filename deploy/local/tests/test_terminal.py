"""The terminal: readable lines under the name of their process."""

import contextlib
from pathlib import Path

import pytest

from local import terminal, up
from local.terminal import Follower, keep_small, readable


def test_a_json_line_is_told_for_people() -> None:
    line = '{"timestamp":"2026-11-20T12:00:07.1Z","level":"warning","event":"relay.retry","attempt":2,"org_id":null}'
    assert readable(line) == "12:00:07 warning relay.retry attempt=2"


@pytest.mark.parametrize("line", ["plain text", "[1, 2]", '{"no": "event"}', "{torn"])
def test_any_other_line_is_left_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_only_new_complete_lines_are_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "sales.log"
    log.write_text("before\n")
    follower = Follower([("sales", log), ("work", tmp_path / "work.log")])
    with log.open("a") as file:
        file.write("first\nhal")
    follower.print_new()
    with log.open("a") as file:
        file.write("f\n")
    follower.print_new()
    follower.print_new()
    assert capsys.readouterr().out == "sales | first\nsales | half\n"


def test_a_large_log_is_moved_aside_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "MAX_LOG_BYTES", 10)
    log = tmp_path / "sales.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a long line of log\n")
        keep_small([log])
        writer.write(b"next\n")
    assert log.read_bytes() == b"next\n"
    assert (tmp_path / "sales.log.1").read_bytes() == b"a long line of log\n"


def test_a_log_on_a_full_disk_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        up.say("sales is back")
        with contextlib.suppress(OSError):
            full.close()  # what it could not write it tries again
