"""The channels by which a contact is reached: several of each kind, one of them primary."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from chassis.errors import Invalid

Channel = dict[str, Any]
"""`kind`, `value` as written, `isPrimary`, and `key`, the value in the form that duplicates are found by."""

MAX_CHANNELS = 20


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


def revised(known: Sequence[Channel], values: Mapping[str, Any]) -> list[Channel]:
    """The channels once `channels` in the values are all of them, and `email` and `phone` the primary ones.

    Beside a list a shortcut takes nothing of it away: what it names is primary, null says nothing there.
    Invalid when a contact would get more than MAX_CHANNELS.
    """
    is_listed = "channels" in values
    channels = arranged(values["channels"]) if is_listed else list(known)
    for kind in ChannelKind:
        if kind in values and not (is_listed and values[kind] is None):
            channels = with_primary(channels, kind, values[kind], is_further=is_listed)
    if len(channels) > max(MAX_CHANNELS, len(known)):
        raise Invalid.field("channels", f"must be at most {MAX_CHANNELS}, the shortcuts among them")
    return channels


def with_primary(
    channels: Sequence[Channel], kind: ChannelKind, value: str | None, *, is_further: bool = False
) -> list[Channel]:
    """The channels with `value` as the primary one of its kind; None takes the primary one away.

    A value that is not among them takes the place of the primary one, or comes before it where it is a further one.
    """
    if value is None:
        return arranged([each for each in channels if each["kind"] != kind or not each["isPrimary"]])
    wanted = channel(kind, value, is_primary=True)
    mine = kind.value, wanted["key"]
    if all((each["kind"], each["key"]) != mine for each in channels):
        others = [each for each in channels if is_further or each["kind"] != kind or not each["isPrimary"]]
        channels = [wanted, *others]
    demoted = [each | {"isPrimary": False} if each["kind"] == kind else each for each in channels]
    return [wanted if (each["kind"], each["key"]) == mine else each for each in demoted]


def primary_of(channels: Sequence[Channel], kind: ChannelKind) -> str | None:
    """The value of the primary channel of a kind."""
    return next((each["value"] for each in channels if each["kind"] == kind and each["isPrimary"]), None)


def _key(kind: str, value: str) -> str:
    if kind == ChannelKind.EMAIL:
        return value.lower()
    digits = "".join(character for character in value if character.isdigit())
    return f"+{digits}" if value.lstrip().startswith("+") else digits
