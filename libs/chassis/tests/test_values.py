"""Value types: money, states, versions, ids, time, and the shapes at the doors."""

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from chassis.clock import business_day, utc_now
from chassis.errors import Invalid
from chassis.etag import etag, parse_if_match
from chassis.ids import new_id
from chassis.money import CURRENCIES, UNUSUAL_DIGITS, Money, currency_digits, half_up
from chassis.schema import (
    Amount,
    Country,
    Currency,
    Day,
    In,
    Instant,
    Line,
    Out,
    Parameters,
    Text,
    absent,
)
from chassis.states import IllegalTransition, check_move

MINOR = st.integers(-(10**15), 10**15)
CURRENCY = st.sampled_from(["EUR", "JPY", "KWD"])
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(lambda weights: sum(weights) > 0)


@given(MINOR, CURRENCY)
def test_money_is_the_same_after_a_trip_over_the_wire(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money), currency) == money


@given(MINOR, WEIGHTS)
def test_shares_add_up_exactly_and_follow_their_weights(minor: int, weights: list[int]) -> None:
    shares = Money(minor, "EUR").split(weights)
    assert sum(share.minor for share in shares) == minor
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(Decimal(share.minor) - Decimal(minor) * weight / total) < 1


@given(MINOR, MINOR)
def test_sums_undo_differences(first: int, second: int) -> None:
    a, b = Money(first, "EUR"), Money(second, "EUR")
    assert a + b - b == a
    assert (a < b) == (first < second)
    assert a + b == b + a


@given(MINOR, st.integers(0, 100_000))
def test_a_rate_is_off_by_less_than_half_a_unit(minor: int, rate: int) -> None:
    exact = Decimal(minor) * rate / 10_000
    assert abs(Decimal(Money(minor, "EUR").basis_points(rate).minor) - exact) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("value", "rounded"), [("0.5", 1), ("-0.5", -1), ("1.5", 2), ("2.5", 3), ("-2.5", -3), ("2.49", 2)]
)
def test_half_is_rounded_away_from_zero(value: str, rounded: int) -> None:
    assert half_up(Decimal(value)) == rounded


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "text"),
    [
        ("1200.00", "EUR", 120_000, "1200.00"),
        ("1200", "EUR", 120_000, "1200.00"),
        (Decimal("0.1"), "EUR", 10, "0.10"),
        (7, "JPY", 7, "7"),
        ("1.5", "KWD", 1_500, "1.500"),
        ("-0.01", "EUR", -1, "-0.01"),
        ("1e3", "EUR", 100_000, "1000.00"),
    ],
)
def test_amounts_by_currency(amount: Any, currency: str, minor: int, text: str) -> None:
    money = Money.parse(amount, currency)
    assert (money.minor, str(money)) == (minor, text)


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("0.0001", "KWD")])
def test_more_digits_than_the_currency_has_are_refused(amount: str, currency: str) -> None:
    assert currency_digits(currency) in {0, 2, 3}
    with pytest.raises(ValueError, match="decimal digits"):
        Money.parse(amount, currency)


def test_unusual_digits_are_those_of_currencies_there_are() -> None:
    assert UNUSUAL_DIGITS.keys() <= CURRENCIES


@pytest.mark.parametrize(("code", "read"), [("EUR", "EUR"), ("jpy", "JPY"), ("ZZZ", None), ("DEM", None)])
def test_currency_is_one_that_there_is(code: str, read: str | None) -> None:
    shape = TypeAdapter[str](Currency)
    if read is not None:
        assert shape.validate_python(code) == read
        return
    with pytest.raises(ValidationError, match="currency code of ISO 4217"):
        shape.validate_python(code)


def test_currencies_do_not_mix() -> None:
    euro, yen = Money(1, "EUR"), Money(1, "JPY")
    for mix in (lambda: euro + yen, lambda: euro - yen, lambda: euro < yen):
        with pytest.raises(ValueError, match="cannot mix EUR and JPY"):
            mix()


@pytest.mark.parametrize("weights", [[0], [], [0, 0], [2, -1]])
def test_weights_that_share_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(1, "EUR").split(weights)


class Light(StrEnum):
    RED = "RED"
    GREEN = "GREEN"
    BROKEN = "BROKEN"


MOVES = {Light.RED: frozenset({Light.GREEN, Light.BROKEN}), Light.GREEN: frozenset({Light.RED})}


@pytest.mark.parametrize("current", Light)
@pytest.mark.parametrize("wanted", Light)
def test_every_pair_of_states(current: Light, wanted: Light) -> None:
    if wanted in MOVES.get(current, frozenset()):
        check_move(MOVES, current, wanted)
        return
    with pytest.raises(IllegalTransition) as refused:
        check_move(MOVES, current, wanted)
    assert refused.value.details == {
        "from": current.value,
        "to": wanted.value,
        "allowed": sorted(state.value for state in MOVES.get(current, frozenset())),
    }


@given(st.integers(0, 2**31 - 1))
def test_version_comes_back_from_its_tag(version: int) -> None:
    assert parse_if_match([etag(version)]) == frozenset({version})


@given(st.lists(st.sets(st.integers(0, 2**31 - 1), min_size=1), min_size=1))
def test_versions_come_back_from_their_lists(lines: list[set[int]]) -> None:
    headers = [",".join(etag(version) for version in line) for line in lines]
    assert parse_if_match(headers) == frozenset().union(*lines)


@given(st.lists(st.text()))
def test_any_other_header_is_versions_or_a_refusal(lines: list[str]) -> None:
    with contextlib.suppress(Invalid):
        versions = parse_if_match(lines)
        assert versions is None or (versions and min(versions) >= 0)


def test_ids_are_unique_and_ordered_in_time() -> None:
    ids = [new_id() for _ in range(1_000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert {each.version for each in ids} == {7}


def test_day_is_the_organisations() -> None:
    assert utc_now().tzinfo is UTC
    late = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert business_day(late, "Europe/Berlin") == date(2026, 7, 1)
    assert business_day(late, "America/New_York") == date(2026, 6, 30)


# ------------------------------------------------------------------------------------------ shapes


class Body(In):
    """One of each."""

    name: Line = absent()
    text: Annotated[Text, Field(max_length=10)] | None = None
    day: Day | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    country: Country | None = None
    at: Instant | None = None


def read(**values: Any) -> Body:
    return Body.model_validate(values)


def test_only_what_was_sent_is_a_change() -> None:
    assert read().changes() == {}
    assert read(text=None).changes() == {"text": None}
    assert read(name="  x ").changes() == {"name": "x"}


@pytest.mark.parametrize(
    "values",
    [
        {"name": None},
        {"name": ""},
        {"name": " "},
        {"name": "x" * 256},
        {"name": "a\x00b"},
        {"text": "x" * 11},
        {"text": "\x00"},
        {"name": "\ud800"},
        {"day": "2026-02-30"},
        {"day": "yesterday, at noon"},
        {"day": "2026-01-01T25:00:00Z"},
        {"amount": "-0.01"},
        {"amount": "1000000000000.01"},
        {"amount": "NaN"},
        {"amount": "Infinity"},
        {"amount": True},
        {"amount": [1]},
        {"amount": "1,5"},
        {"amount": "1_000"},
        {"amount": "1e2"},
        {"amount": "\uff11\uff12"},
        {"amount": "+5"},
        {"amount": ".5"},
        {"amount": "5."},
        {"amount": ""},
        {"amount": float("nan")},
        {"currency": "EURO"},
        {"currency": "E1R"},
        {"currency": "\u20ac\u20ac\u20ac"},
        {"country": "DEU"},
        {"country": "XX"},
        {"country": ""},
        {"at": "2026-01-01T00:00:00"},
        {"unknown": 1},
        {"Name": "x"},
    ],
)
def test_bad_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**values)


def test_good_values_are_read() -> None:
    body = read(
        day="2026-03-01T10:00:00+01:00", amount="12.50", currency="eur", at="2026-01-01T01:00:00+01:00"
    )
    assert (body.day, body.amount, body.currency) == (date(2026, 3, 1), Decimal("12.50"), "EUR")
    assert read(amount=12.5).amount == Decimal("12.5")
    assert (read(country="de").country, read(country="CI").country) == ("DE", "CI")
    assert read(amount=7).amount == 7
    assert read(day="2026-03-01").day == date(2026, 3, 1)


class Shown(Out):
    """An answer."""

    created_at: Instant
    is_late: bool = False


def test_answers_are_camel_case_and_utc() -> None:
    class Row(BaseModel):
        created_at: datetime

    shown = Shown.model_validate(Row(created_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert shown.model_dump(mode="json", by_alias=True) == {
        "createdAt": "2026-01-01T00:00:00Z",
        "isLate": False,
    }


class Part(In):
    """A part of a body."""

    is_open: bool = False
    count: int = absent()
    at: Instant | None = None


class Whole(In):
    """A body of parts."""

    parts: list[Part]


@pytest.mark.parametrize(
    "part",
    [
        {"isOpen": 1},
        {"isOpen": "true"},
        {"count": "2"},
        {"count": True},
        {"count": 1.5},
        {"count": float("inf")},
        {"at": 1767225600},
        {"at": "1767225600"},
        {"at": "-1767225600.5"},
    ],
)
def test_parts_of_a_body_take_no_value_of_another_type(part: dict[str, Any]) -> None:
    (name,) = part
    with pytest.raises(ValidationError) as refused:
        Whole.model_validate({"parts": [part]})
    assert [error["loc"] for error in refused.value.errors()] == [("parts", 0, name)]


def test_body_takes_what_json_says_and_a_query_what_text_says() -> None:
    part = Whole.model_validate(
        {"parts": [{"isOpen": True, "count": 2.0, "at": "2026-03-10T13:00:00+01:00"}]}
    ).parts[0]
    assert (part.is_open, part.count, part.at) == (True, 2, datetime(2026, 3, 10, 12, tzinfo=UTC))

    class Query(Parameters):
        is_open: bool = False
        count: int = 1

    query = Query.read([("isOpen", "true"), ("count", "2")])
    assert (query.is_open, query.count) == (True, 2)
