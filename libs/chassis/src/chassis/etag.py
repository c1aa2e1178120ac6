"""Versions on the wire: `ETag` out, `If-Match` in (RFC 9110 section 13)."""

from chassis.errors import Invalid


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def parse_if_match(header: str | None) -> int | None:
    """The version that If-Match names; None when absent or `*`; Invalid when it is no tag of ours."""
    if header is None or header.strip() == "*":
        return None
    tag = header.strip().removeprefix("W/").strip('"')
    if not (tag.isascii() and tag.isdigit()) or len(tag) > len("2147483647"):
        raise Invalid.field("If-Match", 'must be the ETag of the resource, such as "3"')
    return int(tag)
