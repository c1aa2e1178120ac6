"""The data directory: closed, writable, with one owner at a time; run.json in its promised shape."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import commands, run_file
from local.layout import DataDirectoryRefused, Layout, Lock
from local.ports import CONTEXTS, Ports
from local.settings import Settings


def test_the_folders_are_closed_to_others(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    layout.prepare()
    folders = [layout.root, *(path for path in layout.root.iterdir() if path.is_dir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_a_full_disk_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=12 * 1024**2))
    with pytest.raises(DataDirectoryRefused, match=r"^only 12 MB are free .*EXECOS_DATA_DIR$"):
        Layout(tmp_path).prepare()


def test_a_place_that_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryRefused, match=r"^.*cannot be written \(Not a directory\).*$"):
        Layout(tmp_path / "file" / "data").prepare()


def test_the_lock_has_one_holder_and_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from local.layout import Lock;"
        f"print(Lock(Path({str(tmp_path)!r})).take(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert Lock(tmp_path).holder() == holder.pid
        assert not Lock(tmp_path).take()
        holder.kill()
        holder.wait()
    assert Lock(tmp_path).holder() is None
    assert Lock(tmp_path).take()


def test_the_run_file_has_the_promised_shape(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    names = ("postgres", "nats", "mail", *CONTEXTS, "gateway")
    run_file.write(layout.run_file, run_file.content(Settings(), layout, dict.fromkeys(names, 42)))
    run = json.loads(layout.run_file.read_text())
    assert run["gateway"] == {
        "https": "https://localhost:8443",
        "http": "http://localhost:8080",
        "admin": "http://127.0.0.1:9901",
    }
    assert run["postgres"] == {"host": "127.0.0.1", "port": 15432, "databases": list(CONTEXTS)}
    assert run["nats"] == "nats://127.0.0.1:14222"
    assert run["mail"] == {"smtp": "smtp://127.0.0.1:2525", "http": "http://127.0.0.1:8025"}
    assert run["ca"].endswith("certs/ca.pem")
    assert not run["ca"].startswith("/")
    by_name = {process["name"]: process for process in run["processes"]}
    assert list(by_name) == list(names)
    sales = by_name["sales"]
    assert sales == {
        "name": "sales",
        "pid": 42,
        "http": "http://127.0.0.1:7102",
        "grpc": "127.0.0.1:7202",
        "metrics": "http://127.0.0.1:7302/metrics",
        "log": run_file.relative(layout.log("sales")),
    }
    assert by_name["nats"] == {"name": "nats", "pid": 42, "log": run_file.relative(layout.log("nats"))}


def test_a_command_for_the_running_platform_takes_its_ports_from_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path)
    running = Settings(
        data_directory=tmp_path, ports=Ports.with_offset(700), environment="production", profile="test"
    )
    run_file.write(layout.run_file, run_file.content(running, layout, {}))
    assert commands.of_running(Settings(data_directory=tmp_path), layout) is None, "left by a killed one"
    assert capsys.readouterr().err == "Execos is not running: `make up` first.\n"
    assert Lock(tmp_path).take()
    assert commands.of_running(Settings(data_directory=tmp_path), layout) == running


def test_down_and_status_say_when_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = Layout(tmp_path)
    assert commands.down(layout) == 0
    assert commands.status(layout) == 3
    assert capsys.readouterr().out == "Execos is not running.\n" * 2


def test_reset_deletes_what_is_ours_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    (tmp_path / "mine.txt").write_text("keep")
    commands.reset(layout)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert capsys.readouterr().out.endswith("keeps what is not the platform's: mine.txt\n")
