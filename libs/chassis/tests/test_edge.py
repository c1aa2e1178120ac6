"""The edge of HTTP: one envelope for every error, request ids, doors that cannot be left open."""

import asyncio
import json
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from fastapi import Depends
from starlette.responses import StreamingResponse

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
from chassis.guards import InTx, Requires
from chassis.http import create_app, router
from chassis.idempotency import IdempotencyKeyReused
from chassis.ids import new_id
from chassis.routing import BlockingDependency, UnguardedRoute, public
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


def test_door_that_would_wait_for_another_thread_does_not_even_start() -> None:
    def blocking() -> str:
        return "another thread"

    async def deeper(said: Annotated[str, Depends(blocking)]) -> str:
        return said

    slow = router("slow")
    with pytest.raises(BlockingDependency, match="not async"):

        @slow.get("/slow", openapi_extra=public())
        async def door(said: Annotated[str, Depends(deeper)]) -> dict[str, str]:
            """A door."""
            return {"said": said}


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


async def test_any_of_several_permissions_may_open_a_door(notes: Stand) -> None:
    shared = router("shared")
    either = Requires("notes:read", "plans:read")

    @shared.get("/shared")
    async def door(_actor: Annotated[Any, Depends(either)]) -> dict[str, str]:
        """A door."""
        return {}

    app = create_app("shared", [shared], notes.runtime)
    operation = app.openapi()["paths"]["/api/v1/shared"]["get"]
    assert (operation["x-permission"], operation["x-permission-others"]) == ("notes:read", ["plans:read"])
    for scope, status in (("notes:read", 200), ("plans:read", 200), ("plans:write", 403)):
        headers = {"authorization": f"Bearer {notes.token(scope)}"}
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://service.test") as client:
            assert (await client.get("/api/v1/shared", headers=headers)).status_code == status, scope


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
