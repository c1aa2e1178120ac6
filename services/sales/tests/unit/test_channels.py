"""Channels of a contact: exactly one primary of each kind, whatever is done to them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from sales.domain.channels import (
    MAX_CHANNELS,
    Channel,
    ChannelKind,
    arranged,
    channel,
    primary_of,
    revised,
    with_primary,
)

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


def key_of(each: tuple[ChannelKind, str]) -> str:
    """The key of a channel of a kind with a value."""
    return str(channel(each[0], each[1])["key"])


listed = st.lists(st.tuples(kinds, values), max_size=6, unique_by=key_of)
shortcuts = st.dictionaries(kinds, values)


@given(listed, shortcuts)
def test_nothing_that_is_named_in_one_request_is_lost(
    given_channels: list[tuple[ChannelKind, str]], sent: dict[ChannelKind, str]
) -> None:
    channels = [channel(*each) for each in given_channels]
    values: dict[str, Any] = {"channels": channels} | {kind.value: value for kind, value in sent.items()}
    became = revised([channel("email", "old@x.test")], values)
    named = [*channels, *(channel(kind, value) for kind, value in sent.items())]
    assert {(each["kind"], each["key"]) for each in became} == {(each["kind"], each["key"]) for each in named}
    for kind, value in sent.items():
        assert primaries(became, kind) == [value]


def test_what_is_primary_already_stays_where_it_is() -> None:
    channels = arranged([channel("email", "a@x.test"), channel("email", "b@x.test", is_primary=True)])
    assert revised(channels, {"email": "b@x.test"}) == channels
    assert revised(channels, {"channels": channels, "email": "b@x.test", "phone": None}) == channels


def test_contact_that_has_too_many_channels_may_keep_them_but_gets_no_more() -> None:
    many = arranged([channel("email", f"{each}@x.test") for each in range(MAX_CHANNELS + 1)])
    assert len(revised(many, {"email": "new@x.test"})) == MAX_CHANNELS + 1
    for sent in ({"phone": "1"}, {"channels": many[1:], "email": "0@x.test", "phone": "1"}):
        with pytest.raises(Invalid):
            revised(many, sent)
