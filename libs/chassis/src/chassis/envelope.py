"""The one error envelope, in both media types (design/api.md 1, RFC 9457)."""

from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from chassis.context import current_work
from chassis.errors import HTTP_STATUS, AppError, Invalid, Kind
from chassis.schema import NO_NUL

PROBLEM = "application/problem+json"

FRAMEWORK_CODES = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    500: "INTERNAL_SERVER_ERROR",
}

ISSUES = {
    "extra_forbidden": "is not a known field",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID",
}
"""Where Pydantic's own words are those of its developers."""


def refusal(request: Request, error: AppError) -> Response:
    """The answer for a refusal."""
    headers = {"retry-after": str(error.retry_after_seconds)} if error.retry_after_seconds else {}
    if error.kind is Kind.UNAUTHENTICATED:
        headers["www-authenticate"] = "Bearer"  # RFC 9110 section 11.6.1
    return error_response(
        request, HTTP_STATUS[error.kind], error.reason, error.message, details=error.details, headers=headers
    )


def error_response(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    details: Any = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """An error answer in the envelope, or as problem details when the client asks for them."""
    work = current_work()
    request_id = work.request_id if work else None
    if PROBLEM in request.headers.get("accept", ""):
        problem = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": message,
            "code": code,
            "requestId": request_id,
        }
        body = problem | ({"errors": details} if details is not None else {})
        return Response(orjson.dumps(body), status, headers=headers, media_type=PROBLEM)
    error = {"code": code, "message": message, "requestId": request_id}
    body = {"error": error | ({"details": details} if details is not None else {})}
    return Response(orjson.dumps(body), status, headers=headers, media_type="application/json")


def invalid_request(failure: RequestValidationError) -> Invalid:
    """Pydantic's findings as field issues; what the client sent is not repeated.

    Each once: a body that a door and a dependency of it both take is found wrong twice.
    """
    issues: dict[str, dict[str, None]] = {}
    for finding in failure.errors():
        issues.setdefault(_field(finding["loc"]), {})[_issue(finding)] = None
    return Invalid(fields=[{"field": field, "issues": [*texts]} for field, texts in issues.items()])


def _field(location: tuple[int | str, ...]) -> str:
    source, *path = location
    if source == "path":  # named in Python's way in the route, in the API's way to the client
        return to_camel(str(path[0]))
    return ".".join(str(part) for part in path) if path and not isinstance(path[0], int) else str(source)


def _issue(finding: dict[str, Any]) -> str:
    if finding["type"] == "json_invalid":
        return "is not valid JSON"
    if finding["type"] == "string_pattern_mismatch" and finding["ctx"]["pattern"] == NO_NUL:
        return "must not contain the NUL character"
    if finding["type"] in ISSUES:
        return ISSUES[finding["type"]].format_map(finding.get("ctx", {}))
    return str(finding["msg"]).removeprefix("Value error, ")
