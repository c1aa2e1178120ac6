"""The fact of an entry is written out by hand: it is what the general way would make of its message."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chassis.activity import Entry
from chassis.auth import Actor, ActorKind, system_actor
from chassis.context import Work
from chassis.facts import parse, to_dict
from chassis.ids import new_id
from chassis.rows import Recorded


@pytest.mark.parametrize("microsecond", [0, 120_000, 123_456, 100, 999_999])
@pytest.mark.parametrize("is_system", [True, False])
def test_payload_is_the_canonical_form_of_its_message(microsecond: int, *, is_system: bool) -> None:
    org_id = new_id()
    person = Actor(ActorKind.USER, new_id(), org_id, "Jutta Brandt", "jutta@brandt.example")
    actor = system_actor(org_id) if is_system else person
    entity = cast("Recorded", SimpleNamespace(entity_type="NOTE", id=new_id(), version=1))
    work = Work("a request") if is_system else Work("a request", ip="127.0.0.1", user_agent="Firefox")
    at = datetime(2026, 3, 10, 12, 0, 7, microsecond, tzinfo=UTC)
    before: dict[str, Any] | None = None if is_system else {"title": "Ä"}
    payload = Entry(new_id(), entity, "UPDATE", actor, before, {"title": "B"}, work, at).payload()
    assert to_dict(parse("sales.activity.recorded.v1", payload)) == payload
