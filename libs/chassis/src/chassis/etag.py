"""Versions on the wire: `ETag` out, `If-Match` in (RFC 9110 section 13)."""

from collections.abc import Sequence

from chassis.errors import Invalid

Versions = frozenset[int]
"""Versions of which one must be the current one."""


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def parse_if_match(lines: Sequence[str]) -> Versions | None:
    """The versions that the lines of If-Match list; None when absent or `*`; Invalid when one is no tag of ours.

    A weak tag counts as the version it names: proxies that compress an answer weaken its tag, the row is the same.
    """
    listed = [tag.strip() for line in lines for tag in line.split(",")]
    if not lines or listed == ["*"]:
        return None
    # Empty elements are ignored (section 5.6.1), a list of nothing else names no version.
    return frozenset(_version(tag) for tag in [each for each in listed if each] or [""])


def _version(tag: str) -> int:
    digits = tag.removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len("2147483647"):
        raise Invalid.field("If-Match", 'must be the ETag of the resource, such as "3"')
    return int(digits)
