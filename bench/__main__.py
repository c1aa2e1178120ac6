"""`python -m bench`: every figure of the platform beside its target and its floor."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from bench import events, keys, people, report, trials
from bench.crm import crm
from bench.figures import Result
from bench.footprint import memory, starting
from bench.load import Generator
from bench.place import Place, bare, place, signed
from bench.trials import QUICK, Pace

NAMES = ("memory", "start", "reads", "writes", "edge", "facts", "deals", "login", "sessions", "keys", "crm")
SESSIONS = 16
LAST = ("facts", "deals", "login", "sessions", "keys", "crm")
WITH_FLOORS = frozenset({"reads", "writes", "edge"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, save; 0 whatever the verdicts are: the targets are to be known, not to be enforced."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="rough figures in a minute and a half")
    parser.add_argument("--only", action="append", choices=NAMES, help="one part; repeatable")
    chosen = parser.parse_args(arguments)
    where = report.machine()
    began = time.monotonic()
    results = measure(frozenset(chosen.only or NAMES), QUICK if chosen.quick else Pace())
    report.show(results)
    if not chosen.only:
        print(f"saved as {report.save(results, where, is_quick=chosen.quick).name}")
    print(f"{time.monotonic() - began:.0f} s")
    return 0


def measure(wanted: frozenset[str], pace: Pace) -> list[Result]:
    """The results of the wanted parts, in the order of NAMES."""
    with place() as here, Generator.started() as generator:
        parts: dict[str, Callable[[], list[Result]]] = {
            "memory": lambda: memory(here),
            "start": lambda: starting(here),
            "facts": lambda: events.facts(here, pace),
            "deals": lambda: events.deals(here, pace),
            "login": lambda: people.logins(here, pace),
            "sessions": lambda: _sessions(here, generator, pace),
            "keys": lambda: keys.keys(here, pace),
            "crm": lambda: crm(here, generator, pace),
        }
        results = _timed({name: parts[name] for name in ("memory", "start") if name in wanted})
        if wanted & WITH_FLOORS:
            results += _with_floors(here, generator, wanted, pace)
        return results + _timed({name: parts[name] for name in LAST if name in wanted})


def _sessions(here: Place, generator: Generator, pace: Pace) -> list[Result]:
    with signed(here, sessions=SESSIONS) as both:
        return trials.signed_in(generator, both, pace)


def _with_floors(here: Place, generator: Generator, wanted: frozenset[str], pace: Pace) -> list[Result]:
    with bare(here) as both:
        parts: dict[str, Callable[[], list[Result]]] = {
            "reads": lambda: trials.reads(generator, here, both, pace),
            "writes": lambda: trials.writes(generator, here, both, pace),
            "edge": lambda: trials.edge(generator, here, both, pace, here.folder),
        }
        return _timed({name: part for name, part in parts.items() if name in wanted})


def _timed(parts: dict[str, Callable[[], list[Result]]]) -> list[Result]:
    results: list[Result] = []
    for name, part in parts.items():
        began = time.monotonic()
        results += part()
        print(f"  {name}: {time.monotonic() - began:.0f} s", flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())
