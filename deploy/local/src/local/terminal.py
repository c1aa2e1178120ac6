"""The terminal in the foreground: new log lines under the coloured name of their process; log files kept small."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

FOLLOW_SECONDS = 0.3
MAX_LOG_BYTES = 64 * 1024**2
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_PRIMARY = ("timestamp", "level", "event", "service")


class Follower:
    """Prints what is appended to log files, from the moment it is made."""

    def __init__(self, logs: Sequence[tuple[str, Path]]) -> None:
        self._logs = logs
        self._offsets = {name: path.stat().st_size if path.exists() else 0 for name, path in logs}
        self._width = max((len(name) for name, _ in logs), default=0)
        self._is_coloured = sys.stdout.isatty()

    async def follow(self) -> None:
        """Print until cancelled, or until nobody reads."""
        while True:
            try:
                self.print_new()
            except BrokenPipeError:
                return
            await asyncio.sleep(FOLLOW_SECONDS)

    def print_new(self) -> None:
        """Print the complete lines that came since the last call."""
        for index, (name, path) in enumerate(self._logs):
            for line in self._new_lines(name, path):
                print(f"{self._prefix(name, index)} {readable(line)}")
        sys.stdout.flush()

    def _new_lines(self, name: str, path: Path) -> list[str]:
        size = path.stat().st_size if path.exists() else 0
        start = self._offsets[name] if size >= self._offsets[name] else 0  # emptied meanwhile
        if size == start:
            return []
        with path.open("rb") as file:
            file.seek(start)
            complete, newline, _ = file.read(1024 * 1024).rpartition(b"\n")
        self._offsets[name] = start + len(complete) + len(newline)
        return complete.decode("utf-8", "replace").splitlines()

    def _prefix(self, name: str, index: int) -> str:
        padded = f"{name:<{self._width}} |"
        return f"\033[{_COLOURS[index % len(_COLOURS)]}m{padded}\033[0m" if self._is_coloured else padded


def readable(line: str) -> str:
    """A JSON log line for people: time, level, event, then the rest as key=value; other lines as they are."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "event" not in entry:
        return line
    rest = " ".join(
        f"{key}={value}" for key, value in entry.items() if key not in _PRIMARY and value is not None
    )
    clock = str(entry.get("timestamp", ""))[11:19]
    return f"{clock} {entry.get('level', ''):<7} {entry['event']} {rest}".strip()


def keep_small(logs: Sequence[Path]) -> None:
    """Move what is in a large log to `<log>.1`; the process goes on appending to the emptied file."""
    for path in logs:
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.with_suffix(".log.1").write_bytes(path.read_bytes())
            with path.open("r+b") as file:
                file.truncate()
