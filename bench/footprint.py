"""What the platform costs while nobody uses it: memory, and the time until it is ready."""

import time

from bench.figures import Limit, Result
from bench.place import Place
from bench.processes import family, family_cpu_seconds, pss_bytes, rss_bytes
from local.ports import CONTEXTS

MIB = 1024**2
PLATFORM_MIB = 1.2 * 1024
SERVICE_MIB = 150.0
START_SECONDS = 20.0
SETTLE_SECONDS = 3.0


def memory(here: Place) -> list[Result]:
    """PSS of every process of the platform, RSS of each service, idle."""
    time.sleep(SETTLE_SECONDS)
    pids = {entry["name"]: int(entry["pid"]) for entry in here.stage.run["processes"]}
    supervisor = int(here.stage.run["supervisor"])
    shares = {name: pss_bytes(family(pid)) / MIB for name, pid in pids.items()}
    shares["supervisor"] = pss_bytes([supervisor]) / MIB
    detail = ", ".join(f"{name} {share:.0f}" for name, share in sorted(shares.items(), key=lambda x: -x[1]))
    whole = Result(
        "whole platform, PSS", sum(shares.values()), "MiB", Limit(PLATFORM_MIB, unit=" MiB"), detail
    )
    sizes = {name: rss_bytes(pids[name]) / MIB for name in CONTEXTS}
    detail = ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
    largest = max(sizes.values())
    return [
        whole,
        Result("largest service, RSS idle", largest, "MiB", Limit(SERVICE_MIB, unit=" MiB"), detail),
    ]


class Meter:
    """Processor time of every process of the platform since it was made."""

    def __init__(self, here: Place) -> None:
        self._pids = {entry["name"]: int(entry["pid"]) for entry in here.stage.run["processes"]}
        self._before = self._read()

    def each(self, count: int) -> str:
        """Milliseconds for each of `count` commands, the most expensive process first."""
        after = self._read()
        costs = {name: (after[name] - self._before[name]) * 1000 / count for name in after}
        told = ", ".join(f"{name} {cost:.1f}" for name, cost in sorted(costs.items(), key=lambda x: -x[1]))
        return f"{sum(costs.values()):.0f} ms CPU a command ({told})"

    def _read(self) -> dict[str, float]:
        return {name: family_cpu_seconds(pid) for name, pid in self._pids.items()}


def starting(here: Place) -> list[Result]:
    """From `up` to ready, measured when the place was made."""
    limit = Limit(START_SECONDS, unit=" s")
    first = "keys, certificate, initdb, migrations and demo data"
    return [
        Result("up to ready, nothing there", here.first_start_seconds, "s", limit, first),
        Result("up to ready, everything there", here.next_start_seconds, "s", limit, "schemas at head"),
    ]
