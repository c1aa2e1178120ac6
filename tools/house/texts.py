"""Rules about any text in the tree: nothing unfinished, no address of a registry, no path of one machine."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.house.source import Finding, Source

# The patterns are written with brackets so that they do not find themselves.
HOSTS = re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]\.org|deb\.debia[n]\.org")
PATHS = re.compile(r"(?:^|[^A-Za-z0-9_])/(?:wor[k]|far[m]|roo[t])/")
# One of these words is also a state of a work item, so it counts only where a comment begins with it.
WORDS = re.compile(
    r"(?:#|//|<!--)\s*(?:TOD[O]|tod[o])\b(?!.*\b(?:IN_PROGRESS|DONE)\b)"
    r"|\b(?:FIXM[E]|XX[X]|HAC[K]|NotImplemente[d]Error|not implemente[d]|placeholde[r]|stu[b])\b"
)
CODE_OF_GRPC = re.compile(r"_pb2|_grpc|Stub")
EMPTY_PROOF = re.compile(
    r"pytest\.(?:mark\.)?(?:ski[p]|xfai[l])|assert Tru[e]\b|type: ignor[e](?:\]|$)|noq[a](?:$|[^:])"
)
PROSE = frozenset({".py", ".md", ".proto", ".yaml", ".yml", ".j2", ".toml", ".sh"})


def address(source: Source) -> Iterator[Finding]:
    """Pins carry versions and hashes; a mirror must be as good as the original."""
    yield from _matches(source, "address", HOSTS, "a registry's host name")


def machine_path(source: Source) -> Iterator[Finding]:
    """What is committed works on any machine."""
    yield from _matches(source, "machine-path", PATHS, "a path of one machine")


def unfinished(source: Source) -> Iterator[Finding]:
    """What is not finished is an issue, not a comment."""
    if PurePosixPath(source.path).suffix not in PROSE or source.path.startswith("libs/contracts/src/"):
        return
    for number, line in enumerate(source.lines, start=1):
        match = WORDS.search(line)
        if match and not CODE_OF_GRPC.search(line):
            yield source.finding("unfinished", number, f"`{match[0]}`: finish it, or write an issue")


def empty_proof(source: Source) -> Iterator[Finding]:
    """A test that is left out, an assertion that cannot fail, a blanket exception."""
    if source.is_python:
        yield from _matches(
            source, "empty-proof", EMPTY_PROOF, "left out or blanket; name the code, or test it"
        )


def _matches(source: Source, rule: str, pattern: re.Pattern[str], what: str) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, start=1):
        if match := pattern.search(line):
            yield source.finding(rule, number, f"`{match[0].strip()}`: {what}")


RULES = (address, machine_path, unfinished, empty_proof)
