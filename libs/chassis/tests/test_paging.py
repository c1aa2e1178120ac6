"""Lists: pages with counts, cursors that stay stable, every order, bad cursors."""

import base64
from datetime import UTC
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import httpx2
import orjson
import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StringConstraints
from sqlalchemy import Date, DateTime, Numeric, String, Uuid, column

from chassis.errors import Invalid
from chassis.ids import new_id
from chassis.paging import PageQuery, decode_cursor, encode_cursor
from chassis.routing import check_query
from chassis.schema import Parameters
from chassis.testing.stand import Stand

SOME_ID = "01a1f944-eb90-77ed-a1d9-43a756786a10"  # the same in every process: it is part of a test's name


SECRETS = ["b", None, "a", None, "c", "a", None]


async def write(notes: Stand, client: httpx2.AsyncClient, secrets: list[str | None]) -> list[str]:
    """Notes a second apart, oldest first."""
    written = []
    for number, secret in enumerate(secrets):
        note = await client.post("/api/v1/notes", json={"title": f"note {number:03}", "secret": secret})
        written.append(note.json()["title"])
        notes.clock.advance(seconds=1)
    return written


async def walk(client: httpx2.AsyncClient, **params: Any) -> list[str]:
    """Every title, cursor by cursor."""
    titles: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/api/v1/notes", params={**params, "cursor": cursor})).json()
        assert "totalCount" not in page
        assert len(page["items"]) <= params["limit"]
        titles += [item["title"] for item in page["items"]]
        cursor = page["nextCursor"]
    return titles


async def test_pages_have_counts_and_meet_no_gap(notes: Stand) -> None:
    async with notes.client() as client:
        titles = await write(notes, client, [None] * 5)
        seen: list[str] = []
        for number in (1, 2, 3):
            page = (await client.get("/api/v1/notes", params={"page": number, "pageSize": 2})).json()
            assert (page["page"], page["pageSize"], page["totalCount"], page["total"]) == (number, 2, 5, 5)
            assert (page["nextCursor"] is None) == (number == 3)
            seen += [item["title"] for item in page["items"]]
    assert seen == titles[::-1]


async def test_page_beyond_the_end_still_counts(notes: Stand) -> None:
    async with notes.client() as client:
        empty = (await client.get("/api/v1/notes", params={"page": 9})).json()
        assert (empty["items"], empty["total"], empty["nextCursor"]) == ([], 0, None)
        await write(notes, client, [None] * 3)
        answer = await client.get("/api/v1/notes", params={"page": 9})
        assert (answer.json()["items"], answer.json()["total"]) == ([], 3)
        assert answer.headers["server-timing"] == "db;desc=1"
        last = (await client.get("/api/v1/notes", params={"page": 1_000_000, "pageSize": 100})).json()
        assert last["total"] == 3


async def test_filter_applies_to_rows_and_counts(notes: Stand) -> None:
    async with notes.client() as client:
        await write(notes, client, [None] * 3)
        note = (await client.get("/api/v1/notes")).json()["items"][0]
        await client.post(f"/api/v1/notes/{note['id']}/seal")
        sealed = (await client.get("/api/v1/notes", params={"state": "SEALED"})).json()
        assert [item["id"] for item in sealed["items"]] == [note["id"]]
        assert sealed["total"] == 1
        assert (await client.get("/api/v1/notes", params={"state": "OPEN", "page": 9})).json()["total"] == 2


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("sort", ["secret", "title", "createdAt"])
async def test_cursor_walks_every_row_once_in_the_order_of_the_page(
    notes: Stand, sort: str, limit: int, direction: str
) -> None:
    async with notes.client() as client:
        await write(notes, client, SECRETS)
        order = {"sortBy": sort, "sortDir": direction}
        page = (await client.get("/api/v1/notes", params=order)).json()
        assert await walk(client, limit=limit, **order) == [item["title"] for item in page["items"]]


async def test_cursor_of_a_page_goes_on_behind_it(notes: Stand) -> None:
    async with notes.client() as client:
        titles = await write(notes, client, [None] * 5)
        first = (await client.get("/api/v1/notes", params={"pageSize": 2})).json()
        rest = (await client.get("/api/v1/notes", params={"cursor": first["nextCursor"], "limit": 10})).json()
    assert [item["title"] for item in first["items"] + rest["items"]] == titles[::-1]


async def test_rows_that_come_and_go_do_not_shift_a_cursor(notes: Stand) -> None:
    async with notes.client() as client:
        titles = await write(notes, client, [None] * 4)
        first = (await client.get("/api/v1/notes", params={"limit": 2})).json()
        await write_one(client, "newest, before the cursor")
        rest = (await client.get("/api/v1/notes", params={"cursor": first["nextCursor"]})).json()
    assert [item["title"] for item in first["items"] + rest["items"]] == titles[::-1]


async def write_one(client: httpx2.AsyncClient, title: str) -> None:
    assert (await client.post("/api/v1/notes", json={"title": title})).status_code == 201


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


BAD_CURSORS = [
    "x",
    "====",
    "\u00e9",
    "e30",
    cursor(),
    cursor("createdAt", "desc", "2026-01-01T00:00:00Z"),
    cursor("title", "desc", "x", SOME_ID),
    cursor("createdAt", "asc", "2026-01-01T00:00:00Z", SOME_ID),
    cursor("createdAt", "desc", "yesterday", SOME_ID),
    cursor("createdAt", "desc", 5, SOME_ID),
    cursor("createdAt", "desc", "2026-01-01T00:00:00Z", "x"),
    cursor("createdAt", "desc", "2026-01-01T00:00:00Z", 7),
    cursor("createdAt", "desc", [], SOME_ID),
    cursor("createdAt", "desc", {}, {}),
]


@pytest.mark.parametrize("bad", BAD_CURSORS)
async def test_bad_cursor_is_refused(notes: Stand, bad: str) -> None:
    async with notes.client() as client:
        answer = await client.get("/api/v1/notes", params={"cursor": bad})
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", None])
async def test_made_up_cursor_reads_nothing_foreign(notes: Stand, value: str | None) -> None:
    async with notes.client(org_id=new_id()) as other, notes.client() as client:
        await write_one(other, "foreign")
        made_up = cursor("createdAt", "desc", value, str(new_id()))
        answer = await client.get("/api/v1/notes", params={"cursor": made_up})
    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_text_that_cannot_be_stored_is_no_cursor(notes: Stand) -> None:
    async with notes.client() as client:
        made_up = cursor("title", "desc", "a\x00b", str(new_id()))
        answer = await client.get("/api/v1/notes", params={"cursor": made_up, "sortBy": "title"})
    assert answer.status_code == 400


async def test_unknown_sort_is_refused(notes: Stand) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "x"})).json()
        for sort in ("secret", "at", "", "createdAt;"):
            answer = await client.get(f"/api/v1/notes/{note['id']}/activity", params={"sortBy": sort})
            assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "sortBy")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_amounts_survive_a_cursor(amount: Decimal) -> None:
    query = PageQuery.model_validate({"cursor": "", "sortBy": "amount"})
    row_id = new_id()
    encoded = query.model_copy(update={"cursor": encode_cursor(query, amount, row_id)})
    assert decode_cursor(encoded, column("amount", Numeric)) == (amount, row_id)


@given(st.dates(), st.datetimes(timezones=st.just(UTC)), st.uuids(), st.text(max_size=50))
def test_values_survive_a_cursor(day: Any, instant: Any, reference: Any, text: str) -> None:
    query = PageQuery.model_validate({"cursor": "", "sortBy": "x"})
    for value, kind in ((day, Date()), (instant, DateTime()), (reference, Uuid()), (text, String())):
        row_id = new_id()
        encoded = query.model_copy(update={"cursor": encode_cursor(query, value, row_id)})
        assert decode_cursor(encoded, column("x", kind)) == (value, row_id)


@pytest.mark.parametrize("amount", ["x", "1,5", ""])
def test_amount_that_is_none_is_no_cursor(amount: str) -> None:
    query = PageQuery.model_validate(
        {"cursor": cursor("amount", "desc", amount, str(new_id())), "sortBy": "amount"}
    )
    with pytest.raises(Invalid):
        decode_cursor(query, column("amount", Numeric))


class Colour(StrEnum):
    """One of two."""

    RED = "red"
    BLUE = "blue"


class TaggedQuery(Parameters):
    """A query with a repeatable and a closed parameter."""

    tag: list[str] = Field(default_factory=list)
    labels: list[str] | None = None
    kind: str | None = None
    colour: Colour | None = None
    own: dict[str, Annotated[str, StringConstraints(max_length=3)]] = Field({}, alias="own.")


class FakeRequest:
    """As much of a request as reading parameters needs."""

    def __init__(self, query: str) -> None:
        self.query_params = httpx2.QueryParams(query)


async def test_repeated_parameter_is_a_list_where_one_is_wanted() -> None:
    read = await TaggedQuery.of(FakeRequest("tag=a&tag=b&kind=y&labels=l"))  # type: ignore[arg-type] # enough of one
    assert (read.tag, read.kind, read.labels) == (["a", "b"], "y", ["l"])
    with pytest.raises(RequestValidationError) as refused:
        await TaggedQuery.of(FakeRequest("tag=a&tag=b&kind=x&kind=y&own.a=1&own.a=1"))  # type: ignore[arg-type] # as above
    assert [(each["loc"], each["msg"]) for each in refused.value.errors()] == [
        (("query", "kind"), "may be given only once"),
        (("query", "own.a"), "may be given only once"),
    ]
    documented = {parameter["name"]: parameter["schema"] for parameter in TaggedQuery.documented()}
    assert documented.keys() == {"tag", "kind", "labels", "colour"}
    assert documented["colour"]["anyOf"][0]["enum"] == ["red", "blue"]
    assert "$ref" not in str(documented)


async def test_parameters_of_a_family_are_read_by_the_rest_of_their_names() -> None:
    read = await TaggedQuery.of(FakeRequest("own.a=1&own.b.c=3&own.=4&kind=x"))  # type: ignore[arg-type] # as above
    assert (read.own, read.kind) == ({"a": "1", "b.c": "3", "": "4"}, "x")
    assert (await TaggedQuery.of(FakeRequest("kind=x"))).own == {}  # type: ignore[arg-type] # as above
    with pytest.raises(RequestValidationError) as refused:
        await TaggedQuery.of(FakeRequest("own.a=1234"))  # type: ignore[arg-type] # as above
    assert [each["loc"] for each in refused.value.errors()] == [("query", "own.a")]
    assert TaggedQuery.families() == {"own.": ""}


async def test_only_known_families_are_known_parameters() -> None:
    def asked(query: str) -> Request:
        return Request({"type": "http", "query_string": query.encode(), "headers": []})

    check_query(asked("own.a=1&own.=2&kind=x"), frozenset({"own.", "kind"}))
    for unknown in ("own=1", "owner.a=1", "other.a=1"):
        with pytest.raises(Invalid):
            check_query(asked(unknown), frozenset({"own.", "kind"}))
    with pytest.raises(Invalid):
        check_query(asked("own.a=1"), frozenset({"kind"}))
