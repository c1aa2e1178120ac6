"""The house lints: `python -m tools.house_lints [--warn] [paths]` prints what breaks a rule, and where."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tools.house import edges, names, tenants, texts
from tools.house.source import Finding, Source

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = frozenset({".data", ".git", ".hypothesis", ".venv", "__pycache__", "node_modules"})
BINARY = frozenset({".binpb", ".gz", ".ico", ".jpg", ".pdf", ".png", ".pyc", ".ttf", ".woff2"})
LARGEST_BYTES = 2_000_000

Rule = Callable[[Source], Iterator[Finding]]
TEXT_RULES: tuple[Rule, ...] = texts.RULES
CODE_RULES: tuple[Rule, ...] = (*edges.RULES, tenants.tenant, *names.RULES)


def check(source: Source, *, warn: bool = False) -> list[Finding]:
    """What breaks a rule in one file and is not allowed there with a reason."""
    rules: list[Rule] = list(TEXT_RULES)
    if source.is_python and not source.is_generated:
        rules += CODE_RULES
        rules += [names.warnings] if warn else []
    return sorted(finding for rule in rules for finding in rule(source) if not source.is_allowed(finding))


def files(root: Path) -> Iterator[Path]:
    """Every text file of the tree below a folder, without what runs and installations leave behind."""
    for folder, subfolders, found in os.walk(root):
        subfolders[:] = sorted(set(subfolders) - LEFT_OUT)
        for entry in sorted(found):
            path = Path(folder) / entry
            if path.suffix not in BINARY and not path.is_symlink() and path.stat().st_size <= LARGEST_BYTES:
                yield path


def read(paths: Iterable[Path]) -> Iterator[Source]:
    """Those of the files that are text."""
    for path in paths:
        try:
            yield Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue


def main(arguments: list[str] | None = None) -> int:
    """Check the whole tree, or the given paths; the number of findings decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warn", action="store_true", help="also show what has grown to the warning size")
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT])
    options = parser.parse_args(arguments)
    wanted = (path.resolve() for path in options.paths)
    chosen = (file for path in wanted for file in (files(path) if path.is_dir() else [path]))
    found = [finding for source in read(chosen) for finding in check(source, warn=options.warn)]
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
