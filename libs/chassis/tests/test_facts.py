"""Facts on the wire: types, canonical JSON, and what a consumer meets there."""

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

import execos
from chassis.facts import MalformedFact, UnknownFact, fact_type, message_class, parse, to_dict, to_json
from execos.identity.v1.events_pb2 import OrganisationCreated
from execos.identity.v1.snapshots_pb2 import OrganisationSnapshot
from execos.platform.v1.activity_pb2 import ActivityRecorded, Actor
from execos.platform.v1.options_pb2 import fact
from execos.platform.v1.values_pb2 import Money
from execos.sales.v1.events_pb2 import DealUpdated, DealWon
from execos.sales.v1.snapshots_pb2 import DealSnapshot


def deal_won() -> DealWon:
    """A won deal with a large value and without owner."""
    deal = DealSnapshot(
        id="d", version=3, title="Größe", stage="WON", value=Money(minor=2**60, currency="EUR")
    )
    deal.won_at.FromDatetime(datetime(2026, 11, 20, 9, 30, 0, 250_000, tzinfo=UTC))
    return DealWon(deal=deal)


def declared() -> Iterator[type[Message]]:
    """Every message with the fact option, wherever it is."""
    root = Path(next(iter(execos.__path__)))
    for path in sorted(root.rglob("*_pb2.py")):
        module = importlib.import_module(".".join(["execos", *path.relative_to(root).with_suffix("").parts]))
        for name, descriptor in module.DESCRIPTOR.message_types_by_name.items():
            if descriptor.GetOptions().Extensions[fact]:
                yield getattr(module, name)


def test_every_declared_fact_is_found_by_its_type() -> None:
    facts = list(declared())
    assert {ActivityRecorded, DealWon, OrganisationCreated} <= set(facts)
    for message in facts:
        context = message.DESCRIPTOR.full_name.split(".")[1]
        publisher = "work" if context == "platform" else context
        assert message_class(fact_type(message, publisher)) is message


def test_type_names_context_aggregate_fact_and_major() -> None:
    assert fact_type(DealWon()) == fact_type(DealWon, "sales") == "sales.deal.won.v1"


def test_activity_is_published_under_the_context_of_its_publisher() -> None:
    assert fact_type(ActivityRecorded(), "billing") == "billing.activity.recorded.v1"
    assert isinstance(parse("billing.activity.recorded.v1", b"{}"), ActivityRecorded)


def test_activity_of_a_context_without_facts_of_its_own_is_understood() -> None:
    assert message_class("commerce.activity.recorded.v1") is ActivityRecorded


@pytest.mark.parametrize(
    ("message", "context"),
    [
        (ActivityRecorded(), None),
        (ActivityRecorded(), "platform"),
        (DealWon(), "work"),
        (Actor(), "sales"),
        (Struct(), None),
    ],
)
def test_no_service_publishes_what_is_not_its_fact(message: Message, context: str | None) -> None:
    with pytest.raises(ValueError, match="is no fact"):
        fact_type(message, context)


def test_json_is_canonical_and_comes_back() -> None:
    payload = to_json(deal_won())
    deal = orjson.loads(payload)["deal"]
    assert deal["value"] == {"minor": "1152921504606846976", "currency": "EUR"}
    assert deal["wonAt"] == "2026-11-20T09:30:00.250Z"
    assert (
        parse("sales.deal.won.v1", payload) == parse("sales.deal.won.v1", to_dict(deal_won())) == deal_won()
    )


def test_shape_is_stable_zero_is_printed_and_absent_is_left_out() -> None:
    deal = to_dict(DealUpdated(deal=DealSnapshot()))["deal"]
    assert deal == {"id": "", "version": 0, "title": "", "stage": "", "tags": []}
    assert to_dict(OrganisationCreated(organisation=OrganisationSnapshot()))["organisation"]["modules"] == []


def test_fields_of_a_newer_publisher_are_ignored() -> None:
    assert parse("sales.deal.won.v1", b'{"deal": {"id": "d", "mood": {"x": [1]}}, "new": 1}') == DealWon(
        deal=DealSnapshot(id="d")
    )


UNDECLARED = [
    "sales.deal.vanished.v1",
    "sales.deal.won.v2",
    "sales.deal.won",
    "sales.deal.won.v1\n",
    "SALES.deal.won.v1",
    "sales.v1.events_pb2.v1",
    "commerce.sale.made.v1",
    "platform.activity.recorded.v1",
    "os.path.join.v1",
    "..",
    "",
]

MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"1",
    b'"deal"',
    b"null",
    b"\xff",
    b'{"deal": 1}',
    b'{"deal": [1]}',
    b'{"deal": {"id": 3}}',
    b'{"deal": {"id": "\\ud800"}}',
    b'{"deal": {"wonAt": "yesterday"}}',
    b'{"deal": {"value": {"minor": "99999999999999999999"}}}',
]


@pytest.mark.parametrize("event_type", UNDECLARED)
def test_an_undeclared_type_is_unknown(event_type: str) -> None:
    with pytest.raises(UnknownFact):
        parse(event_type, b"{}")


@pytest.mark.parametrize("payload", MALFORMED)
def test_a_payload_that_does_not_fit_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedFact):
        parse("sales.deal.won.v1", payload)
