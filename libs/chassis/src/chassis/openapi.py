"""OpenAPI 3.1 of a service: stable operation ids, the error envelope on every operation, the permission of each."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

ENVELOPE = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "requestId"],
            "properties": {
                "code": {"type": "string", "examples": ["VALIDATION_ERROR"]},
                "message": {"type": "string"},
                "details": {},
                "requestId": {"type": ["string", "null"], "format": "uuid"},
            },
        }
    },
}
ERRORS = {
    "400": "The request is not valid.",
    "401": "There is no valid access token.",
    "403": "The role does not allow this.",
    "404": "There is no such resource in this organisation.",
    "409": "The present state does not allow it.",
    "412": "If-Match names another version.",
    "415": "The body is not JSON.",
    "422": "The Idempotency-Key was used for another request.",
    "429": "Too many requests.",
    "503": "A part that must answer does not; try again.",
}
IF_MATCH = r'^(\*|(W/)?"\d{1,10}"(\s*,\s*(W/)?"\d{1,10}")*)$'
WRITES_ONLY = {"409", "412", "415", "422"}
COMMAND_HEADERS = [
    {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "Only act on this version (the ETag of the resource), or on one of several.",
        "schema": {"type": "string", "pattern": IF_MATCH, "examples": ['"1"']},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key and body get the stored answer again, for 72 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
]


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an app."""
    spec = get_openapi(title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes)
    components = spec.setdefault("components", {})
    components["securitySchemes"] = {
        "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = ENVELOPE
    for path in spec["paths"].values():
        for method, operation in path.items():
            _complete(method, operation)
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    return spec


def _complete(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    is_read = method == "get"
    for status, meaning in ERRORS.items():
        if is_read and status in WRITES_ONLY:
            continue
        if operation.get("x-public") and status == "403":
            continue
        responses[status] = {
            "description": meaning,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    if not is_read and "x-permission" in operation:
        if_match, key = COMMAND_HEADERS
        keyed = operation.get("x-idempotency-key") if method == "post" else "ignored"
        wanted = [if_match] if keyed == "ignored" else [if_match, key | {"required": keyed == "required"}]
        operation["parameters"] = [*operation.get("parameters", []), *wanted]
