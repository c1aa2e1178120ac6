"""OpenAPI documents: `write` them, or `check` them for drift and for changes that break callers.

The baseline is what callers were promised; `write --accept-baseline` renews it, after a decision.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.openapi_breaking import breaking

ROOT = Path(__file__).resolve().parent.parent
MERGED = ROOT / "gateway" / "openapi.json"
BASELINE = ROOT / "gateway" / "openapi.baseline.json"


def services() -> list[str]:
    """The services that have doors for people."""
    return sorted(path.parent.name for path in ROOT.glob("services/*/src/*/__main__.py"))


def committed(service: str) -> Path:
    """Where the document of a service is kept."""
    return ROOT / "services" / service / "openapi.json"


def described(service: str) -> str:
    """The document of a service as its code describes it now, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "openapi.json"
        command = [sys.executable, "-m", service, "openapi", str(target)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        if result.returncode:
            raise SystemExit(f"{service} cannot describe itself:\n{result.stderr}")
        return target.read_text()


def write() -> None:
    """Write every document, then the merged one."""
    for service in services():
        committed(service).write_text(described(service))
    subprocess.run([sys.executable, "-m", "gateway", "openapi"], cwd=ROOT, check=True)


def problems() -> Iterator[str]:
    """What drifted from the code, and what would break callers."""
    for service in services():
        path = committed(service)
        if not path.exists() or path.read_text() != described(service):
            yield f"{path.relative_to(ROOT)} is not what the code says: run `make openapi`"
    merge = [sys.executable, "-m", "gateway", "openapi", "--check"]
    if subprocess.run(merge, cwd=ROOT, check=False).returncode:
        yield f"{MERGED.relative_to(ROOT)} is not the sum of the services: run `make openapi`"
    merged = json.loads(MERGED.read_text())
    if BASELINE.exists():
        yield from breaking(json.loads(BASELINE.read_text()), merged)
    elif merged.get("paths"):
        yield f"{BASELINE.relative_to(ROOT)} is missing: run `make openapi ACCEPT=1`"


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked; 1 when a check finds something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["write", "check"])
    parser.add_argument("--accept-baseline", action="store_true")
    options = parser.parse_args(arguments)
    if options.action == "write":
        write()
        if options.accept_baseline:
            BASELINE.write_text(MERGED.read_text())
        return 0
    found = list(problems())
    print("\n".join(found) or "OpenAPI documents fit")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
