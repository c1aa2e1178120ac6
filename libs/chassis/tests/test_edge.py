"""The edge of HTTP: one envelope for every error, request ids, bad input of every kind, never a 5xx."""

import asyncio
import json
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from fastapi import Depends
from starlette.responses import StreamingResponse

from chassis import edge
from chassis.context import current_work
from chassis.errors import (
    BadRequest,
    Conflict,
    Denied,
    DependencyUnavailable,
    Invalid,
    Limited,
    NotFound,
    StaleVersion,
    Unauthenticated,
    Unavailable,
)
from chassis.guards import InTx
from chassis.http import create_app, router
from chassis.idempotency import IdempotencyKeyReused
from chassis.ids import new_id
from chassis.routing import UnguardedRoute, public
from chassis.rows import outbox
from chassis.testing.stand import Stand
from sample.notes import NOTES, MayRead

PROBLEM = {"accept": "application/problem+json"}

REFUSALS = [
    (Invalid.field("title", "is too long"), 400, "VALIDATION_ERROR"),
    (BadRequest("no such company"), 400, "BAD_REQUEST"),
    (Unauthenticated("sign in"), 401, "UNAUTHORIZED"),
    (Denied("not you", permission="notes:read"), 403, "FORBIDDEN"),
    (NotFound("nothing"), 404, "NOT_FOUND"),
    (Conflict("not now"), 409, "CONFLICT"),
    (StaleVersion("changed", current=3), 412, "STALE_VERSION"),
    (IdempotencyKeyReused("again"), 422, "IDEMPOTENCY_KEY_REUSED"),
    (Limited("slowly"), 429, "TOO_MANY_REQUESTS"),
    (Unavailable("later"), 503, "SERVICE_UNAVAILABLE"),
    (DependencyUnavailable("later", service="identity"), 503, "DEPENDENCY_UNAVAILABLE"),
]
BY_NAME = {name: error for error, _, name in REFUSALS}

trouble = router("trouble")


@trouble.get("/refuse", openapi_extra=public())
async def refuse(name: str) -> dict[str, str]:
    """Refuse as wished."""
    raise BY_NAME[name]


@trouble.get("/crash", openapi_extra=public())
async def crash() -> dict[str, str]:
    """A bug."""
    raise ZeroDivisionError("secret: postgresql://sales:hunter2@db")


@trouble.get("/stream", openapi_extra=public())
async def stream(fail: bool = False) -> StreamingResponse:  # noqa: FBT001, FBT002 - a query parameter
    """An answer in pieces, or half of one."""

    async def pieces() -> Any:
        yield b"one"
        if fail:
            raise ZeroDivisionError
        yield b"two"

    return StreamingResponse(pieces())


@trouble.get("/who")
async def who(actor: MayRead) -> dict[str, str | None]:
    """What is known of the request."""
    work = current_work()
    assert work
    return {"ip": work.ip, "agent": work.user_agent, "org": str(work.org_id), "id": work.request_id}


@pytest.fixture
def troubled(notes: Stand) -> httpx2.AsyncClient:
    app = create_app("trouble", [trouble, *NOTES.routers], notes.runtime)
    headers = {"authorization": f"Bearer {notes.token()}"}
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False, client=("10.1.2.3", 1))
    return httpx2.AsyncClient(transport=transport, base_url="http://service.test", headers=headers)


# ------------------------------------------------------------------------------------------ one envelope


@pytest.mark.parametrize(("error", "status", "code"), REFUSALS, ids=[name for _, _, name in REFUSALS])
async def test_every_refusal_has_the_envelope(
    troubled: httpx2.AsyncClient, error: Any, status: int, code: str
) -> None:
    request_id = str(uuid4())
    path = f"/api/v1/refuse?name={code}"
    answer = await troubled.get(path, headers={"x-request-id": request_id})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    body = answer.json()["error"]
    assert (body["code"], body["message"], body["requestId"]) == (code, error.message, request_id)
    assert body.get("details") == error.details
    assert ("retry-after" in answer.headers) == (status in {429, 503})


@pytest.mark.parametrize(("error", "status", "code"), REFUSALS, ids=[name for _, _, name in REFUSALS])
async def test_every_refusal_is_told_as_problem_details_on_request(
    troubled: httpx2.AsyncClient, error: Any, status: int, code: str
) -> None:
    answer = await troubled.get(f"/api/v1/refuse?name={code}", headers=PROBLEM)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["status"], body["code"], body["detail"]) == (status, code, error.message)
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["requestId"] == answer.headers["x-request-id"]
    assert body.get("errors") == error.details


async def test_bug_tells_nothing_and_is_logged_once_with_its_stack(
    troubled: httpx2.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await troubled.get("/api/v1/crash", headers={"x-request-id": (request_id := str(uuid4()))})
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {
            "code": "INTERNAL_SERVER_ERROR",
            "message": "Something went wrong on our side.",
            "requestId": request_id,
        }
    }
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    crashes = [line for line in lines if line["event"] == "request.crashed"]
    assert len(crashes) == 1
    assert "ZeroDivisionError" in crashes[0]["exception"]
    assert crashes[0]["request_id"] == request_id
    assert "hunter2" not in str(crashes)
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["status"], line["route"], line["service"]) == (500, "/api/v1/crash", "sales")


async def test_client_that_goes_away_is_no_bug(notes: Stand, capfd: pytest.CaptureFixture[str]) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"20")]
    headers.append((b"authorization", f"Bearer {notes.token()}".encode()))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/notes",
        "query_string": b"",
        "headers": headers,
    }
    await notes.app(scope, receive, send)
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert [(line["event"], line["status"], line["level"]) for line in lines] == [("request", 499, "info")]
    assert sent == []


async def test_unknown_address_and_method(notes: Stand) -> None:
    note = f"/api/v1/notes/{new_id()}"
    async with notes.client() as client:
        for path in (
            "/",
            "/api/v1",
            "/api/v1/unknown",
            "/api/v1/notes/",
            f"{note}/unknown",
            "/docs",
            "/redoc",
        ):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND"), path
        for path, method, allow in (
            ("/api/v1/notes", "DELETE", "GET, POST"),
            (note, "PUT", "GET, PATCH"),
            (f"{note}/seal", "GET", "POST"),
            ("/healthz", "POST", "GET"),
        ):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED"), path
            assert answer.headers["allow"] == allow


async def test_denied_call_names_the_permission_and_is_published_once_in_five_minutes(notes: Stand) -> None:
    async with notes.client("notes:read") as client:
        for _ in range(3):
            answer = await client.post("/api/v1/notes", json={"title": "x"})
            assert (answer.status_code, answer.json()["error"]["details"]) == (
                403,
                {"permission": "notes:write"},
            )
        (fact,) = await notes.facts("sales.permission.denied.v1")
        assert (fact.message.permission, fact.message.method, fact.message.path) == (
            "notes:write",
            "POST",
            "/api/v1/notes",
        )
        assert fact.message.actor.id == str(notes.user_id)
        assert fact.message.role == "ADMIN"
        notes.clock.advance(minutes=5)
        await client.post("/api/v1/notes", json={"title": "x"})
    assert len(await notes.facts("sales.permission.denied.v1")) == 2


async def test_denials_remembered_are_bounded(notes: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.denials.MAX_REMEMBERED", 2)
    for _ in range(4):
        async with notes.client("none:read", user_id=new_id()) as client:
            assert (await client.get("/api/v1/notes")).status_code == 403
    assert len(notes.runtime.denials._last) == 2


# ------------------------------------------------------------------------------------------ bad input


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


# ------------------------------------------------------------------------------------------ request ids and origins


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "00000000-0000-0000-0000-000000000000",
        "01a1f944-eb90-77ed-a1d9-43a756786a10",
        "a" * 5_000,
        "\u00e9",
        "1; DROP",
    ],
)
async def test_request_id_that_is_no_uuid4_is_replaced(notes: Stand, given: str) -> None:
    async with notes.client() as client:
        answer = await client.get("/api/v1/me", headers=[(b"x-request-id", given.encode("latin-1"))])
    made = answer.headers["x-request-id"]
    assert made != given
    assert UUID(made).version == 4


async def test_request_id_is_kept_echoed_and_recorded(notes: Stand) -> None:
    request_id = str(uuid4())
    async with notes.client(headers={"x-request-id": request_id.upper()}) as client:
        answer = await client.post("/api/v1/notes", json={"title": "Traced"})
    assert answer.headers["x-request-id"] == request_id
    (fact,) = await notes.facts("sales.activity.recorded.v1")
    assert fact.message.request_id == request_id
    async with notes.runtime.source.database.session(notes.org_id, read_only=True) as session:
        headers = list(await session.scalars(outbox.select().with_only_columns(outbox.c.headers)))
    assert {header["request-id"] for header in headers} == {request_id}


async def test_origin_of_a_request(troubled: httpx2.AsyncClient, notes: Stand) -> None:
    direct = (await troubled.get("/api/v1/who", headers={"user-agent": "x" * 300})).json()
    assert (direct["ip"], direct["agent"]) == ("10.1.2.3", "x" * 255)
    assert direct["org"] == str(notes.org_id)
    proxied = {"x-envoy-external-address": "203.0.113.9", "user-agent": ""}
    through = (await troubled.get("/api/v1/who", headers=proxied)).json()
    assert (through["ip"], through["agent"]) == ("203.0.113.9", None)


async def test_two_requests_at_once_do_not_mix(troubled: httpx2.AsyncClient) -> None:
    ids = [str(uuid4()) for _ in range(20)]
    answers = await asyncio.gather(
        *(troubled.get("/api/v1/who", headers={"x-request-id": request_id}) for request_id in ids)
    )
    assert [answer.json()["id"] for answer in answers] == ids


# ------------------------------------------------------------------------------------------ doors


async def test_streamed_answer_passes_and_one_that_breaks_is_cut(troubled: httpx2.AsyncClient) -> None:
    answer = await troubled.get("/api/v1/stream")
    assert (answer.status_code, answer.content) == (200, b"onetwo")
    assert answer.headers["server-timing"] == "db;desc=0"
    broken = await troubled.get("/api/v1/stream?fail=true")
    assert broken.content == b"one"


async def test_lifespan_messages_pass_through(notes: Stand) -> None:
    sent: list[Any] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await notes.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_door_without_guard_does_not_even_start() -> None:
    open_house = router("open")
    with pytest.raises(UnguardedRoute, match="names no permission"):
        open_house.get("/open")(refuse)


def test_guard_may_be_deep() -> None:
    async def deeper(actor: MayRead) -> Any:
        return actor

    deep = router("deep")

    @deep.get("/deep")
    async def door(actor: Annotated[Any, Depends(deeper)], tx: InTx) -> dict[str, str]:
        """A door."""
        return {}

    (route,) = [route for route in deep.routes if getattr(route, "path", "") == "/api/v1/deep"]
    assert getattr(route, "openapi_extra", {})["x-permission"] == "notes:read"


async def test_document_says_what_a_client_must_know(notes: Stand) -> None:
    async with notes.anonymous() as client:
        answer = await client.get("/openapi.json")
    spec = answer.json()
    assert spec["openapi"].startswith("3.1")
    create = spec["paths"]["/api/v1/notes"]["post"]
    assert create["operationId"] == "notes.create"
    assert create["x-permission"] == "notes:write"
    assert create["security"] == [{"bearerAuth": []}]
    assert {parameter["name"] for parameter in create["parameters"]} == {"If-Match", "Idempotency-Key"}
    assert {"400", "401", "403", "409", "412", "415", "422", "503"} <= create["responses"].keys()
    search = spec["paths"]["/api/v1/notes"]["get"]
    assert "415" not in search["responses"]
    assert {"page", "pageSize", "sortBy", "sortDir", "cursor", "limit", "state"} == {
        parameter["name"] for parameter in search["parameters"]
    }
    change = spec["paths"]["/api/v1/notes/{note_id}"]["patch"]
    assert {parameter["name"] for parameter in change["parameters"]} == {"note_id", "If-Match"}
    patch = spec["components"]["schemas"]["NotePatch"]["properties"]["title"]
    assert "default" not in patch
    assert "HTTPValidationError" not in spec["components"]["schemas"]
    assert "/healthz" not in spec["paths"]


def test_document_needs_no_runtime_and_is_stable() -> None:
    first, second = (orjson.dumps(NOTES.app().openapi()) for _ in range(2))
    assert first == second
