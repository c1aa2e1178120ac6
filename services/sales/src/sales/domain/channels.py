"""The channels by which a contact is reached: several of each kind, one of them primary."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from chassis.errors import Invalid

Channel = dict[str, Any]
"""`kind`, `value` as written, `isPrimary`, and `key`, the value in the form that duplicates are found by."""


class ChannelKind(StrEnum):
    """How somebody is reached."""

    EMAIL = "email"
    PHONE = "phone"


def channel(kind: str, value: str, *, is_primary: bool = False) -> Channel:
    """A channel with its key: addresses in lower case, numbers as digits."""
    return {
        "kind": ChannelKind(kind).value,
        "value": value,
        "isPrimary": is_primary,
        "key": _key(kind, value),
    }


def arranged(channels: Sequence[Channel]) -> list[Channel]:
    """The channels with exactly one primary of each kind, the first where none is named.

    Invalid when one is given twice, or two of a kind want to be primary.
    """
    if len({(each["kind"], each["key"]) for each in channels}) < len(channels):
        raise Invalid.field("channels", "names the same channel twice")
    arranged = list(channels)
    for kind in ChannelKind:
        places = [place for place, each in enumerate(arranged) if each["kind"] == kind]
        primaries = [place for place in places if arranged[place]["isPrimary"]]
        if len(primaries) > 1:
            raise Invalid.field("channels", f"has two primary channels of the kind {kind}")
        if places and not primaries:
            arranged[places[0]] = arranged[places[0]] | {"isPrimary": True}
    return arranged


def with_primary(channels: Sequence[Channel], kind: ChannelKind, value: str | None) -> list[Channel]:
    """The channels with `value` as the primary one of its kind; None takes the primary one away."""
    if value is None:
        return arranged([each for each in channels if each["kind"] != kind or not each["isPrimary"]])
    wanted = channel(kind, value, is_primary=True)
    known = [each for each in channels if (each["kind"], each["key"]) == (kind, wanted["key"])]
    replaced = known or [each for each in channels if each["kind"] == kind and each["isPrimary"]]
    others = [each for each in channels if each not in replaced]
    demoted = [each | {"isPrimary": False} if each["kind"] == kind else each for each in others]
    return arranged([wanted, *demoted])


def primary_of(channels: Sequence[Channel], kind: ChannelKind) -> str | None:
    """The value of the primary channel of a kind."""
    return next((each["value"] for each in channels if each["kind"] == kind and each["isPrimary"]), None)


def _key(kind: str, value: str) -> str:
    if kind == ChannelKind.EMAIL:
        return value.lower()
    digits = "".join(character for character in value if character.isdigit())
    return f"+{digits}" if value.lstrip().startswith("+") else digits
