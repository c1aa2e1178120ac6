"""The outermost layer of a service's HTTP side: request id, timing, one log line, and the last net for bugs."""

import time
from collections.abc import Mapping
from uuid import UUID

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import telemetry
from chassis.context import Work, begin_work, new_request_id
from chassis.envelope import error_response
from chassis.logs import write_line
from chassis.metrics import http_server_duration

log = structlog.get_logger()

MAX_BODY_BYTES = 1024 * 1024
PROBES = frozenset({"/healthz", "/readyz"})  # asked every two seconds; only their failures are worth a line
MAX_LENGTH_DIGITS = 12
CLIENT_GONE = 499  # only in logs and metrics, by the name that proxies gave it
TOO_LARGE = "The body is larger than {} MiB."


class Edge:
    """Pure ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, service: str, uploads: Mapping[str, int] | None = None) -> None:
        """`uploads` are the paths to which a POST may be longer, each with its own limit in bytes."""
        self._app = app
        self._service = service
        self._uploads = uploads or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; whatever breaks becomes one enveloped 500 and one logged stack."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        work = begin_work(_work(scope))
        status = 0

        async def send_stamped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", work.request_id.encode()),
                    (b"server-timing", b"db;desc=%d" % work.statements),
                ]
            await send(message)

        try:
            limit = self._limit(scope)
            if _length(scope) > limit:
                answer = error_response(Request(scope), 413, "PAYLOAD_TOO_LARGE", too_large(limit))
                await answer(scope, receive, send_stamped)
            else:
                await self._app(scope, _limited(scope, receive, limit), send_stamped)
        except ClientDisconnect:
            status = CLIENT_GONE  # nobody is left to be answered
        except Exception as error:
            answer = crash(Request(scope), error)
            if status:
                raise
            await answer(scope, receive, send_stamped)
        finally:
            route = _template(scope)
            seconds = time.perf_counter() - started
            http_server_duration.labels(scope["method"], route, status).observe(seconds)
            if route not in PROBES or status != 200:
                write_line(
                    self._service,
                    "request",
                    method=scope["method"],
                    route=route,
                    status=status,
                    duration_ms=round(seconds * 1000, 2),
                )

    def _limit(self, scope: Scope) -> int:
        return (
            self._uploads.get(scope["path"], MAX_BODY_BYTES) if scope["method"] == "POST" else MAX_BODY_BYTES
        )


def too_large(limit: int) -> str:
    """What whoever sends more than `limit` bytes is told."""
    return TOO_LARGE.format(limit // MAX_BODY_BYTES)


def crash(request: Request, error: Exception) -> Response:
    """The answer to a bug, which tells nothing; the stack is logged, once."""
    log.error("request.crashed", method=request.method, path=_template(request.scope), exc_info=error)
    return error_response(request, 500, "INTERNAL_SERVER_ERROR", "Something went wrong on our side.")


def _work(scope: Scope) -> Work:
    headers = dict(scope["headers"])
    address = headers.get(b"x-envoy-external-address")
    client = scope.get("client")
    return Work(
        request_id=_request_id(headers.get(b"x-request-id", b"").decode("latin-1")),
        ip=address.decode("latin-1") if address else (client[0] if client else None),
        user_agent=headers.get(b"user-agent", b"").decode("latin-1")[:255] or None,
        traceparent=telemetry.traceparent(headers.get(b"traceparent", b"").decode("latin-1")[:64] or None),
    )


def _request_id(text: str) -> str:
    try:
        given = UUID(text)
    except ValueError:
        return new_request_id()
    return str(given) if given.version == 4 else new_request_id()


def _template(scope: Scope) -> str:
    # The template, never the path itself: paths can hold one-time tokens.
    return getattr(scope.get("route"), "path", "unmatched")


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < MAX_LENGTH_DIGITS else 10**MAX_LENGTH_DIGITS
    return 0


def _limited(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive` that stops a chunked body at the limit; a body of known length was checked before."""
    if not any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        return receive
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, too_large(limit))
        return message

    return receive_limited
