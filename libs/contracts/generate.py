"""Writes src/execos from protos/, and checks the contracts: `generate.py [check | --accept-baseline]`."""

import argparse
import json
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PROTOS = HERE.parent.parent / "protos"
GENERATED = HERE / "src" / "execos"
BASELINE = PROTOS / "baseline.binpb"
SCRIPTS = Path(sysconfig.get_path("scripts"))

FileJson = dict[str, Any]

FACT_OPTION = "[execos.platform.v1.fact]"
FACT_NAME = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*")
IRREGULAR_PAST = frozenset({"lost", "paid", "read", "sent", "won"})


def generate(directory: Path) -> None:
    """The Python modules, their type stubs and the markers of typed packages, below `directory`."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with_services = [name for name in sources if "\nservice " in (PROTOS / name).read_text()]
    _protoc(f"--python_out={directory}", f"--mypy_out=quiet:{directory}", *sources)
    _protoc(f"--grpc_python_out={directory}", f"--mypy_grpc_out=quiet,only_async:{directory}", *with_services)
    for package in sorted({path.parent for path in directory.rglob("*_pb2.py")}):
        (package / "py.typed").touch()


def _protoc(*arguments: str) -> None:
    plugins = [f"--plugin={name}={SCRIPTS / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    well_known = files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"--proto_path={PROTOS}", f"--proto_path={well_known}", *plugins, *arguments]):
        raise SystemExit("protoc refused the contracts")


def write() -> None:
    """Bring src/execos up to date, file by file: whoever imports it meanwhile finds it whole."""
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        fresh = Path(directory) / "execos"
        for name in _contents(GENERATED).keys() - _contents(fresh).keys():
            (GENERATED / name).unlink()
        shutil.copytree(fresh, GENERATED, dirs_exist_ok=True)


def drift(committed: Path) -> list[str]:
    """Files below `committed` that differ from what the contracts generate now."""
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        fresh = _contents(Path(directory) / "execos")
    present = _contents(committed)
    return [
        f"{committed.name}/{name}: differs from what `make protos` writes"
        for name in sorted(fresh.keys() | present.keys())
        if fresh.get(name) != present.get(name)
    ]


def _contents(directory: Path) -> dict[str, bytes]:
    paths = (path for path in directory.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


def buf_problems(protos: Path, baseline: Path) -> list[str]:
    """What buf says about form, style and compatibility with the accepted image."""
    answers = [
        _buf("format", "--diff", "--exit-code", str(protos)),
        _buf("lint", str(protos)),
        _buf("breaking", str(protos), "--against", str(baseline)),
    ]
    said = ((answer.stdout + answer.stderr).decode() for answer in answers if answer.returncode)
    return [line for text in said for line in text.splitlines() or ["buf failed without a word"]]


def _buf(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([SCRIPTS / "buf", *arguments], capture_output=True, check=False, timeout=60)


def descriptors(source: Path) -> list[FileJson]:
    """The file descriptors of a folder of contracts or of an image, as JSON, options by their full names."""
    answer = _buf("build", str(source), "--exclude-source-info", "-o", "-#format=json")
    answer.check_returncode()
    files_of_image: list[FileJson] = json.loads(answer.stdout)["file"]
    return [file for file in files_of_image if file["name"].startswith("execos/")]


def facts_in(contracts: Iterable[FileJson]) -> dict[str, list[str]]:
    """The full names of the messages that claim each fact type; one each, when all is well."""
    facts: dict[str, list[str]] = {}
    for file in contracts:
        context, major = file["package"].split(".")[-2:]
        for message in file.get("messageType", ()):
            if name := _fact_name(message):
                facts.setdefault(f"{context}.{name}.{major}", []).append(
                    f"{file['package']}.{message['name']}"
                )
    return facts


def fact_problems(contracts: list[FileJson], released: list[FileJson]) -> Iterator[str]:
    """Facts that are not past tense, share a type, or are gone since the baseline, and misplaced messages."""
    facts = facts_in(contracts)
    for fact_type, messages in facts.items():
        if len(messages) > 1:
            yield f"{fact_type}: claimed by {' and '.join(messages)}"
    for fact_type, (message, *_) in facts_in(released).items():
        if facts.get(fact_type) != [message]:
            yield f"{fact_type}: released as {message}, so it may not be renamed, moved or removed"
    for file in contracts:
        for message in file.get("messageType", ()):
            where = f"{file['name']}: {message['name']}"
            name = _fact_name(message)
            if name:
                yield from (f"{where}: {why}" for why in _name_problems(name, message["name"]))
            elif file["name"].endswith("/events.proto"):
                yield f"{where} is no fact, and events.proto holds nothing else"


def _fact_name(message: dict[str, Any]) -> str:
    return str(message.get("options", {}).get(FACT_OPTION, ""))


def _name_problems(name: str, message: str) -> Iterator[str]:
    if not FACT_NAME.fullmatch(name):
        yield f"{name!r} is not <aggregate>.<fact> in snake case"
        return
    if not name.endswith("ed") and re.split(r"[._]", name)[-1] not in IRREGULAR_PAST:
        yield f"{name} is not past tense"
    if message != "".join(word.title() for word in re.split(r"[._]", name)):
        yield f"{name} and the message's name differ"


def check() -> list[str]:
    """Every reason not to commit the contracts as they are."""
    problems = buf_problems(PROTOS, BASELINE)
    if not problems:
        problems += fact_problems(descriptors(PROTOS), descriptors(BASELINE))
        problems += drift(GENERATED)
    return problems


def main() -> None:
    """Generate, check, or accept the present contracts as the promise to keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", nargs="?", choices=["write", "check"], default="write")
    accept = "make the present contracts the promise that later ones must keep"
    parser.add_argument("--accept-baseline", action="store_true", help=accept)
    arguments = parser.parse_args()
    if arguments.accept_baseline:
        _buf("build", str(PROTOS), "--exclude-source-info", "-o", str(BASELINE)).check_returncode()
    if arguments.command == "write":
        write()
    elif problems := check():
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
