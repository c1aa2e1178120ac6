"""Channels of a contact: exactly one primary of each kind, whatever is done to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from sales.domain.channels import Channel, ChannelKind, arranged, channel, primary_of, with_primary

EMAIL, PHONE = ChannelKind.EMAIL, ChannelKind.PHONE

kinds = st.sampled_from(ChannelKind)
values = st.sampled_from(["a@x.test", "A@x.test", "b@x.test", "+49 1", "49-1", "0049 1"])
changes = st.lists(st.tuples(kinds, st.none() | values), max_size=12)


def primaries(channels: list[Channel], kind: ChannelKind) -> list[str]:
    """The values of every primary channel of a kind."""
    return [each["value"] for each in channels if each["kind"] == kind and each["isPrimary"]]


@given(changes)
def test_any_changes_leave_one_primary_of_each_kind(steps: list[tuple[ChannelKind, str | None]]) -> None:
    channels: list[Channel] = []
    for kind, value in steps:
        channels = with_primary(channels, kind, value)
        if value is not None:
            assert primary_of(channels, kind) == value
        for each in ChannelKind:
            there = [one for one in channels if one["kind"] == each]
            assert len(primaries(channels, each)) == min(1, len(there))
        keys = [(one["kind"], one["key"]) for one in channels]
        assert len(set(keys)) == len(keys)


def test_first_is_primary_where_none_is_named() -> None:
    channels = arranged([channel("email", "a@x.test"), channel("email", "b@x.test"), channel("phone", "1")])
    assert (primary_of(channels, EMAIL), primary_of(channels, PHONE)) == ("a@x.test", "1")


def test_taking_the_primary_away_promotes_the_next() -> None:
    channels = arranged([channel("email", "a@x.test"), channel("email", "b@x.test")])
    assert primary_of(with_primary(channels, EMAIL, None), EMAIL) == "b@x.test"
    assert with_primary([], EMAIL, None) == []


def test_key_is_the_value_without_its_spelling() -> None:
    assert channel("email", "A@X.test")["key"] == "a@x.test"
    assert channel("phone", " +49 (711) 1-2")["key"] == "+4971112"
    assert channel("phone", "0711/12")["key"] == "071112"


def test_two_primaries_or_twins_are_refused() -> None:
    two = [channel("email", each, is_primary=True) for each in ("a@x.test", "b@x.test")]
    for bad in (two, [channel("phone", "07 11"), channel("phone", "0711")]):
        with pytest.raises(Invalid):
            arranged(bad)
