"""What was measured: a table on the screen, a page and a JSON document beside the others."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.figures import Result
from gateway.envoy import binary as envoy_binary
from local.nats import binary as nats_binary
from local.postgres import binaries

RESULTS = Path(__file__).parent / "results"
_COLOURS = {"reached": "green", "missed": "red", "-": "dim"}
_LIBRARIES = (
    "fastapi",
    "pydantic",
    "sqlalchemy",
    "psycopg",
    "uvicorn",
    "uvloop",
    "httptools",
    "nats-py",
    "grpcio",
)


def machine() -> dict[str, str]:
    """What it ran on, without names of hosts or places."""
    cpu = [
        line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")
    ]
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 1024**2:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgres": _said([str(binaries() / "postgres"), "--version"]),
        "nats": _said([str(nats_binary()), "--version"]),
        "envoy": _said([str(envoy_binary()), "--version"]).partition("version:")[2].strip(),
        "libraries": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def show(results: Sequence[Result]) -> None:
    """The table on the screen."""
    table = Table("what", "figure", "target", "verdict", "detail", title="bench")
    for each in results:
        verdict = f"[{_COLOURS[each.verdict]}]{each.verdict}[/]"
        table.add_row(each.name, _figure(each), str(each.limit or "-"), verdict, each.detail)
    Console(width=max(150, Console().width)).print(table)


def save(results: Sequence[Result], where: dict[str, str], *, is_quick: bool) -> Path:
    """`bench/results/<date>-<commit>.md` and `.json`; the page."""
    RESULTS.mkdir(exist_ok=True)
    commit = _said(["git", "rev-parse", "--short", "HEAD"], cwd=RESULTS) or "none"
    name = f"{datetime.now(UTC):%Y-%m-%d}-{commit}{'-quick' if is_quick else ''}"
    document: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "quick": is_quick,
        "machine": where,
        "results": [asdict(each) | {"verdict": each.verdict} for each in results],
    }
    (RESULTS / f"{name}.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    page = RESULTS / f"{name}.md"
    page.write_text(_page(document, results))
    return page


def _page(document: dict[str, Any], results: Sequence[Result]) -> str:
    lines = [f"# Bench of {document['commit']}, {document['at']}", ""]
    lines += ["| what | figure | target | verdict | detail |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.name} | {_figure(each)} | {each.limit or '-'} | {each.verdict} | {each.detail} |"
        for each in results
    ]
    lines += ["", "Medians over interleaved rounds; a ratio is made round by round.", "", "## Machine", ""]
    lines += [f"- {name}: {value}" for name, value in document["machine"].items()]
    return "\n".join(lines) + "\n"


def _figure(each: Result) -> str:
    digits = 2 if each.figure < 10 else 1 if each.figure < 100 else 0
    return f"{each.figure:.{digits}f} {each.unit}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _said(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    return (done.stdout.strip() or done.stderr.strip()).partition("\n")[0]
