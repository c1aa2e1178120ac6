"""API keys: their text, what they may be given, what is left of it."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.auth import Actor, ActorKind
from chassis.errors import Denied, Invalid
from identity.domain.api_keys import (
    ALPHABET,
    ApiKey,
    check_expiry,
    check_scopes,
    digest_of,
    granted,
    new_text,
)

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FORM = re.compile(r"exk_test_[0-9A-Za-z]{36}")


def person(*scope: str) -> Actor:
    return Actor(ActorKind.USER, uuid4(), uuid4(), "Olga", scope=frozenset(scope))


def test_a_key_says_what_it_is_for_and_can_be_recognised() -> None:
    text = new_text(is_production=False)
    assert FORM.fullmatch(text)
    assert new_text(is_production=True).startswith("exk_live_")
    assert digest_of(text) is not None
    assert digest_of(text) != digest_of(new_text(is_production=False))


@given(place=st.integers(4, 44), letter=st.sampled_from(ALPHABET))
def test_any_single_typing_error_is_noticed_without_looking(place: int, letter: str) -> None:
    text = new_text(is_production=False)
    wrong = text[:place] + letter + text[place + 1 :]
    assert (digest_of(wrong) is None) == (wrong != text)


@pytest.mark.parametrize("text", ["", "exk_", "exk_test_", "x" * 45, "exk_test_" + "ü" * 36, "a,b"])
def test_what_never_was_a_key_is_noticed_too(text: str) -> None:
    assert digest_of(text) is None


def test_a_key_with_another_environment_is_a_typing_error() -> None:
    assert digest_of(new_text(is_production=False).replace("test", "live")) is None


@pytest.mark.parametrize(
    "scope",
    [
        "*",
        "deals",
        "deals:fly",
        "nothing:read",
        "nothing:*",
        "*:*",
        "users:manage",
        "users:*",
        "api-keys:manage",
        "api-keys:*",
        "organisations:create",
        "organisation:manage",
        "policies:manage",
        "roles:manage",
        "modules:*",
        "ownership:manage",
        "platform:read",
        "platform",
    ],
)
def test_whoever_administers_is_a_person_and_what_there_is_not_cannot_be_given(scope: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_scopes(person("*"), ["deals:read", scope])
    assert [each["field"] for each in refused.value.details] == ["scopes.1"]


def test_nobody_gives_what_they_do_not_hold_and_a_wildcard_only_as_such() -> None:
    holder = person("deals:read", "deals:write", "leads:*")
    check_scopes(holder, ["deals:read", "leads:*", "leads:convert"])
    check_scopes(person("*"), ["deals:*", "users:read"])
    for scope in ("deals:win", "deals:*", "invoices:read"):
        with pytest.raises(Invalid):
            check_scopes(holder, [scope])


def test_a_key_may_only_what_its_creator_still_may() -> None:
    scopes = ["deals:read", "deals:write", "leads:*"]
    assert granted(scopes, person("*")) == sorted(scopes)
    assert granted(scopes, person("deals:read", "leads:read")) == ["deals:read", "leads:read"]
    assert granted(scopes, person()) == []


def test_a_key_ends_within_a_year() -> None:
    assert check_expiry(None, NOW) == NOW + timedelta(days=90)
    assert check_expiry(NOW + timedelta(days=365), NOW) == NOW + timedelta(days=365)
    for wrong in (NOW, NOW - timedelta(days=1), NOW + timedelta(days=365, seconds=1)):
        with pytest.raises(Invalid, match="Invalid"):
            check_expiry(wrong, NOW)


def test_a_key_cannot_be_rotated_by_somebody_who_may_less() -> None:
    owner = person("*")
    values = {"name": "Shop", "scopes": ["deals:read"], "expires_at": NOW + timedelta(days=10)}
    key = ApiKey.of(owner, new_text(is_production=False), NOW, rate_limit_per_hour=5, **values)
    with pytest.raises(Denied):
        key.succeed(person("leads:read"), new_text(is_production=False), NOW, timedelta(hours=1))
