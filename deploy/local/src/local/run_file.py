"""`run.json`: what runs and where, for people's tools (shape: operations.md), rewritten after every restart."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.layout import Layout
from local.ports import CONTEXTS, HOST, Ports
from local.settings import REPOSITORY, Settings


def content(settings: Settings, layout: Layout, pids: Mapping[str, int | None]) -> dict[str, Any]:
    """The file's content; paths are relative to the repository."""
    ports = settings.ports
    return {
        "gateway": {
            "https": settings.public_url,
            "http": f"http://localhost:{ports.gateway_http}",
            "admin": f"http://{HOST}:{ports.gateway_admin}",
        },
        "ca": relative(layout.certs / "ca.pem"),
        "processes": [_entry(name, pid, settings, layout) for name, pid in pids.items()],
        "postgres": {"host": HOST, "port": ports.postgres, "databases": list(CONTEXTS)},
        "nats": f"nats://{HOST}:{ports.nats}",
        "mail": {"smtp": f"smtp://{HOST}:{ports.mail_smtp}", "http": f"http://{HOST}:{ports.mail_http}"},
        "environment": settings.environment,
        "profile": settings.profile,
        "supervisor": os.getpid(),
    }


def _entry(name: str, pid: int | None, settings: Settings, layout: Layout) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "pid": pid}
    if name in CONTEXTS:
        entry["http"] = f"http://{HOST}:{settings.ports.http(name)}"
        entry["grpc"] = f"{HOST}:{settings.ports.grpc(name)}"
        entry["metrics"] = f"http://{HOST}:{settings.ports.metrics(name)}/metrics"
    entry["log"] = relative(layout.log(name))
    return entry


def ports(run: Mapping[str, Any]) -> Ports:
    """The ports that a running platform listens on."""
    https = int(run["gateway"]["https"].rpartition(":")[2])
    return Ports.with_offset(https - Ports().gateway_https)


def relative(path: Path) -> str:
    """The path as seen from the repository."""
    return os.path.relpath(path, REPOSITORY)


def write(path: Path, run: Mapping[str, Any]) -> None:
    """Replace the file in one step."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(run, indent=2) + "\n")
    draft.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """What runs, or None when nothing was written."""
    try:
        run: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return run
