"""Processor time and memory of processes, from /proc."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads."""
    return _ticks(pid, slice(11, 13))


def family_cpu_seconds(pid: int) -> float:
    """The same of a process, its descendants, and the children it has outlived."""
    return sum(_cpu_or_nothing(one) for one in family(pid)) + _ticks(pid, slice(13, 15))


def _cpu_or_nothing(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has ended since we looked


def _ticks(pid: int, fields: slice) -> float:
    values = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, values[fields])) / _TICKS


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def pss_bytes(pids: Iterable[int]) -> int:
    """Memory of processes, what they share counted once."""
    return sum(_pss(pid) for pid in pids)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, rest = [], [pid]
    while rest:
        one = rest.pop()
        found.append(one)
        rest += children.get(one, [])
    return found


def _pss(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
