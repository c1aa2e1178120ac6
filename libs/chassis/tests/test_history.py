"""The history of an entity: shape, aliases, order, redaction, tenant."""

from typing import ClassVar
from uuid import uuid4

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from chassis.activity import changes_of, values_of
from chassis.ids import new_id
from chassis.rows import Aggregate, service_metadata
from chassis.testing.stand import Stand


async def test_history_tells_who_changed_what_with_the_reference_names_beside(notes: Stand) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "First", "secret": "s3cret"})).json()
        notes.clock.advance(seconds=1)
        changed = {"title": "Second", "secret": "other"}
        answer = await client.patch(
            f"/api/v1/notes/{note['id']}", json=changed, headers={"x-request-id": (request := str(uuid4()))}
        )
        assert answer.status_code == 200
        history = (await client.get(f"/api/v1/notes/{note['id']}/activity")).json()
    assert history["totalCount"] == history["total"] == 2
    newest, oldest = history["items"]
    actor = {"id": str(notes.user_id), "name": "Test Person", "email": "person@test.example", "kind": "user"}
    assert newest["actor"] == newest["actorUser"] == actor
    assert newest["before"] == newest["beforeJson"] == {"title": "First", "secret": "[redacted]"}
    assert newest["after"] == newest["afterJson"] == {"title": "Second", "secret": "[redacted]"}
    assert newest["at"] == newest["createdAt"]
    assert newest["at"].endswith("Z")
    assert (newest["entityType"], newest["entityId"], newest["action"]) == ("NOTE", note["id"], "UPDATE")
    assert newest["requestId"] == request
    assert (oldest["action"], oldest["before"]) == ("CREATE", None)
    assert oldest["after"]["title"] == "First"


async def test_history_is_sorted_paged_and_one_statement_more_than_its_entity(notes: Stand) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "Sorted"})).json()
        notes.clock.advance(seconds=1)
        await client.post(f"/api/v1/notes/{note['id']}/seal")
        path = f"/api/v1/notes/{note['id']}/activity"
        by_action = await client.get(path, params={"sortBy": "action", "sortDir": "desc"})
        assert [entry["action"] for entry in by_action.json()["items"]] == ["SEAL", "CREATE"]
        assert by_action.headers["server-timing"] == "db;desc=2"
        page = (await client.get(path, params={"limit": 1})).json()
        assert [entry["action"] for entry in page["items"]] == ["SEAL"]
        rest = (await client.get(path, params={"limit": 1, "cursor": page["nextCursor"]})).json()
        assert [entry["action"] for entry in rest["items"]] == ["CREATE"]
        assert rest["nextCursor"] is None
        assert (await client.get(path, params={"sortBy": "actor"})).status_code == 400


async def test_history_of_a_foreign_or_unknown_entity_is_not_found(notes: Stand) -> None:
    async with notes.client() as client, notes.client(org_id=new_id()) as stranger:
        note = (await client.post("/api/v1/notes", json={"title": "Mine"})).json()
        assert (await stranger.get(f"/api/v1/notes/{note['id']}/activity")).status_code == 404
        assert (await client.get(f"/api/v1/notes/{new_id()}/activity")).status_code == 404


class Row(DeclarativeBase):
    metadata = service_metadata()


class Quote(Row, Aggregate):
    """Something with a price."""

    __tablename__ = "quote"
    entity_type: ClassVar[str] = "QUOTE"
    amounts: ClassVar[dict[str, str]] = {"price_minor": "price"}

    price_minor: Mapped[int | None]
    currency: Mapped[str] = mapped_column()


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        ({"price_minor": 250}, {"price": "10.00"}, {"price": "2.50"}),
        ({"price_minor": None}, {"price": "10.00"}, {"price": None}),
        (
            {"price_minor": 10, "currency": "JPY"},
            {"price": "10.00", "currency": "EUR"},
            {"price": "10", "currency": "JPY"},
        ),
        ({"currency": "USD"}, {"currency": "EUR"}, {"currency": "USD"}),
        ({"price_minor": 1000}, {}, {}),
    ],
)
def test_history_tells_amounts_as_the_api_does(
    fields: dict[str, object], before: dict[str, object], after: dict[str, object]
) -> None:
    quote = Quote()
    set_committed_value(quote, "price_minor", 1000)
    set_committed_value(quote, "currency", "EUR")
    for name, value in fields.items():
        setattr(quote, name, value)
    assert changes_of(quote) == (before, after)


def test_history_of_a_new_row_tells_its_amounts() -> None:
    assert values_of(Quote(price_minor=5, currency="KWD")) == {"price": "0.005", "currency": "KWD"}
