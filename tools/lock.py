"""requirements.lock: compile it from every pyproject.toml, and tell offline whether it still fits them."""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PACKAGES = ("libs/*", "services/*", "gateway", "deploy/local")
HEADER = "# Written by `make lock` from the direct dependencies of every package: versions and hashes, no addresses."
DIGEST = "# inputs: sha256:"


def projects(root: Path = ROOT) -> list[Path]:
    """Every pyproject.toml of a package of ours, in a fixed order."""
    return sorted(path for pattern in PACKAGES for path in root.glob(f"{pattern}/pyproject.toml"))


def name_of(project: Path) -> str:
    """The distribution name that a pyproject.toml declares."""
    return str(tomllib.loads(project.read_text())["project"]["name"])


def digest(root: Path = ROOT) -> str:
    """SHA-256 over what decides the lock (direct dependencies and Python versions), and nothing else of those files."""
    decisive = {}
    for path in [root / "pyproject.toml", *projects(root)]:
        content = tomllib.loads(path.read_text())
        project = content.get("project", {})
        decisive[path.relative_to(root).as_posix()] = [
            project.get("name"),
            project.get("requires-python"),
            sorted(project.get("dependencies", [])),
            project.get("optional-dependencies"),
            content.get("dependency-groups"),
        ]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def problems(root: Path = ROOT) -> list[str]:
    """What is wrong with the committed lock, judged without the network; empty when it fits."""
    lock = root / LOCK.name
    if not lock.exists():
        return [f"{lock.name} is missing: run `make lock` and commit it"]
    text = lock.read_text()
    found = []
    if f"{DIGEST}{digest(root)}\n" not in text:
        found.append(f"{lock.name} does not fit the pyproject.toml files: run `make lock` and commit it")
    if re.search(r"https?://|file:|^--|^/| @ |^-e ", text, flags=re.MULTILINE):
        found.append(
            f"{lock.name} holds an address, a path or an option; it may hold only names, versions and hashes"
        )
    found += [f"{lock.name} pins {name} without a hash" for name in unhashed(text)]
    return found


def unhashed(text: str) -> list[str]:
    """Names of requirements that carry no hash."""
    logical = text.replace("\\\n", " ").splitlines()
    pins = [line for line in logical if line and not line.lstrip().startswith("#")]
    return [pin.split("==")[0] for pin in pins if "--hash=sha256:" not in pin]


def compile_lock(*, upgrade: bool) -> None:
    """Resolve everything once for every platform; versions already pinned stay unless `upgrade`."""
    ours = [part for path in projects() for part in ("--no-emit-package", name_of(path))]
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", *options, *ours]
    command += ["--no-header", "--no-annotate"]
    command += ["--upgrade"] if upgrade else []
    command += ["--group", "pyproject.toml:dev", "--output-file", LOCK.name]
    subprocess.run(
        [*command, *(path.relative_to(ROOT).as_posix() for path in projects())], cwd=ROOT, check=True
    )
    LOCK.write_text(f"{HEADER}\n{DIGEST}{digest()}\n{LOCK.read_text()}")


def main(arguments: list[str] | None = None) -> int:
    """Compile (`--upgrade` moves every pin forward) or, with `--check`, print what does not fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--upgrade", action="store_true")
    options = parser.parse_args(arguments)
    if not options.check:
        compile_lock(upgrade=options.upgrade)
    found = problems()
    print("\n".join(found) or f"{LOCK.name} fits")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
