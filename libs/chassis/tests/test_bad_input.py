"""What no door takes: bodies, types, parameters and paths that are wrong, each a 4xx in the envelope."""

from typing import Any

import httpx2
import pytest

from chassis import edge
from chassis.testing.stand import Stand


async def post(
    client: httpx2.AsyncClient, content: bytes, kind: str | None = "application/json"
) -> httpx2.Response:
    headers = {"content-type": kind} if kind else {}
    return await client.post("/api/v1/notes", content=content, headers=headers)


BAD_BODIES = {
    "empty": b"",
    "not json": b"title",
    "cut off": b'{"title": "x"',
    "array": b"[]",
    "string": b'"x"',
    "null": b"null",
    "number": b"1",
    "two values": b"{} {}",
    "bad utf-8": b'{"title": "\xff\xfe"}',
    "lone surrogate": b'{"title": "\\ud800"}',
    "NUL": b'{"title": "a\\u0000b"}',
    "NaN": b'{"title": NaN}',
    "too deep": b"[" * 10_000 + b"]" * 10_000,
    "65 deep": b'{"title":' + b"[" * 64 + b"]" * 64 + b"}",
    "deep object": b'{"title":' * 5_000 + b"1" + b"}" * 5_000,
    "huge number": b'{"title": 1' + b"0" * 5_000 + b"}",
    "huge float": b'{"title": 1e999999}',
    "missing field": b"{}",
    "unknown field": b'{"title": "x", "version": 9}',
    "python name": b'{"title": "x", "orgId": "x"}',
    "null for what is not nullable": b'{"title": null}',
    "wrong type": b'{"title": ["x"]}',
    "blank": b'{"title": "   "}',
    "too long": b'{"title": "' + b"x" * 256 + b'"}',
    "BOM": b'\xef\xbb\xbf{"title": 1}',
    "utf-16": '{"title": 1}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_bad_body_is_refused(notes: Stand, body: str) -> None:
    async with notes.client() as client:
        answer = await post(client, BAD_BODIES[body])
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] in {"VALIDATION_ERROR", "BAD_REQUEST"}
    assert await notes.facts() == []


@pytest.mark.parametrize(
    ("body", "field"), [(b'{"a": 1}', "a"), (b"[]", "body"), (b"{", "body"), (b"7", "body")]
)
async def test_door_that_takes_no_body_takes_an_empty_object_at_most(
    notes: Stand, body: bytes, field: str
) -> None:
    async with notes.client() as client:
        note = (await client.post("/api/v1/notes", json={"title": "Sealed"})).json()
        seal = f"/api/v1/notes/{note['id']}/seal"
        refused = await client.post(seal, content=body, headers={"content-type": "application/json"})
        assert refused.status_code == 400
        assert [each["field"] for each in refused.json()["error"]["details"]] == [field]
        assert (await client.post(seal, json={})).status_code == 200


async def test_depth_is_counted_outside_of_strings(notes: Stand) -> None:
    async with notes.client() as client:
        answer = await post(client, b'{"title": "' + b"[{" * 100 + b'\\" ["}')
        assert answer.status_code == 201, answer.text
        deep = await post(client, b'{"title":' + b"[" * 64 + b"]" * 64 + b"}")
        assert deep.json()["error"]["details"] == [
            {"field": "body", "issues": ["is nested deeper than 64 levels"]}
        ]
        allowed = await post(client, b'{"title":' + b"[" * 63 + b"]" * 63 + b"}")
        assert allowed.json()["error"]["details"][0]["field"] == "title"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
async def test_a_body_in_another_encoding_is_refused(notes: Stand, encoding: str) -> None:
    async with notes.client() as client:
        answer = await post(client, '{"title": "Caf\u00e9"}'.encode(encoding))
    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == [{"field": "body", "issues": ["is not UTF-8"]}]


async def test_what_was_sent_is_not_repeated(notes: Stand) -> None:
    async with notes.client() as client:
        answer = await post(client, b'{"title": ["hunter2"], "hunter3": 1}')
    assert "hunter2" not in answer.text
    fields = {issue["field"] for issue in answer.json()["error"]["details"]}
    assert fields == {"title", "hunter3"}


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", ""],
)
async def test_other_content_type_is_415(notes: Stand, kind: str | None) -> None:
    async with notes.client() as client:
        answer = await post(client, b'{"title": "x"}', kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/ld+json"]
)
async def test_json_content_types_are_taken(notes: Stand, kind: str) -> None:
    async with notes.client() as client:
        assert (await post(client, b'{"title": "x"}', kind)).status_code == 201


async def test_body_over_one_mebibyte_is_413(notes: Stand) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 32_768

    headers = {"content-type": "application/json"}
    async with notes.client() as client:
        for content in (b'{"title": "' + b"x" * 1024 * 1024 + b'"}', chunks()):
            answer = await client.post("/api/v1/notes", content=content, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
        assert (await post(client, b'{"title": "x"}' + b" " * (edge.MAX_BODY_BYTES - 14))).status_code == 201
        for length in ("9" * 5_000, "-1", "1e3"):
            answer = await client.post("/api/v1/notes", headers=headers | {"content-length": length})
            assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/api/v1/notes?unknown=1", ["unknown"]),
        ("/api/v1/notes?page=0", ["page"]),
        ("/api/v1/notes?page=x&pageSize=101", ["page", "pageSize"]),
        ("/api/v1/notes?page_size=5", ["page_size"]),
        ("/api/v1/notes?sortDir=up", ["sortDir"]),
        ("/api/v1/notes?sortDir=asc&sortDir=desc", ["sortDir"]),
        ("/api/v1/notes?page=99999999999999999999", ["page"]),
        ("/api/v1/notes?cursor=" + "x" * 1025, ["cursor"]),
        ("/api/v1/notes/nonsense", ["noteId"]),
        ("/api/v1/me?x=%00", ["x"]),
        ("/api/v1/notes?q=%ff", ["query"]),
        ("/api/v1/notes?q=%ed%a0%80", ["query"]),
    ],
)
async def test_bad_parameter_is_named(notes: Stand, path: str, fields: list[str]) -> None:
    async with notes.client() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert [issue["field"] for issue in answer.json()["error"]["details"]] == fields


@pytest.mark.parametrize("value", ["%00", "'%3B--", "\u00e9", "%", "%zz", "x" * 5_000])
async def test_odd_text_in_a_filter_is_harmless(notes: Stand, value: str) -> None:
    async with notes.client() as client:
        answer = await client.get(f"/api/v1/notes?state={value}")
    assert answer.status_code in {200, 400}, answer.text


@pytest.mark.parametrize("segment", ["%00", "..%2f..%2fetc%2fpasswd", "%ff", "1", "x" * 5_000, "{}"])
async def test_odd_path_is_4xx(notes: Stand, segment: str) -> None:
    async with notes.client() as client:
        answer = await client.get(f"/api/v1/notes/{segment}")
    assert answer.status_code in {400, 404}, answer.text
