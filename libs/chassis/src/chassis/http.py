"""The HTTP application of a service: routers in, one well-behaved ASGI app out."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, cast

import psycopg
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from chassis import telemetry
from chassis.edge import Edge, crash
from chassis.envelope import FRAMEWORK_CODES, error_response, invalid_request, refusal
from chassis.errors import AppError, Denied, Kind, translate
from chassis.guards import ACTOR_KEY
from chassis.health import health_router
from chassis.openapi import document
from chassis.routing import CommittingRoute, upload_limit
from chassis.runtime import Runtime, runtime_of

log = structlog.get_logger()

API = "/api/v1"
FORM_BYTES = 64 * 1024  # what a form may have around the file that it sends
MESSAGES = {
    400: "The request cannot be read.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}


def router(tag: str) -> APIRouter:
    """A router whose doors commit before they answer; `tag` names the resource in OpenAPI."""
    return APIRouter(prefix=API, tags=[tag], route_class=CommittingRoute)


def create_app(title: str, routers: Sequence[APIRouter], runtime: Runtime | None = None) -> FastAPI:
    """The app of one service; without a runtime it can only describe itself (OpenAPI)."""
    app = FastAPI(
        title=title,
        version="1",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    for each in (*routers, health_router):
        # Not `include_router`: it analyses every door a second time, for prefixes and defaults that apps do not give.
        app.router.routes.extend(each.routes)
    context = runtime.source.context if runtime else title
    app.add_middleware(cast("Any", Edge), service=context, uploads=_uploads(routers))
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_framework_error)
    app.add_exception_handler(AppError, _on_refusal)
    app.add_exception_handler(SQLAlchemyError, _on_database_error)
    app.add_exception_handler(psycopg.Error, _on_database_error)
    described = cache(lambda: document(app))
    app.openapi = described  # type: ignore[method-assign]
    telemetry.instrument(app)
    return app


def _uploads(routers: Sequence[APIRouter]) -> dict[str, int]:
    """The paths that take more than the usual body: a file of that many bytes, and the form around it."""
    doors = [each for each_router in routers for each in each_router.routes if isinstance(each, APIRoute)]
    return {door.path: limit + FORM_BYTES for door in doors if (limit := upload_limit(door.openapi_extra))}


async def _on_refusal(request: Request, error: Exception) -> Response:
    refused = cast("AppError", error)
    try:
        await _report_denial(request, refused)
    except (SQLAlchemyError, psycopg.Error) as failure:
        return _on_database_error(request, failure)
    return refusal(request, refused)


async def _report_denial(request: Request, refused: AppError) -> None:
    """For the audit log, wherever a permission was asked for; the request's own transaction is closed by now."""
    actor = request.scope.get(ACTOR_KEY)
    permission = (refused.details or {}).get("permission") if isinstance(refused, Denied) else None
    if actor is not None and permission is not None:
        denials = runtime_of(request.app).denials
        await denials.report(actor, permission, request.method, request.scope["route"].path)


def _on_invalid(request: Request, failure: Exception) -> Response:
    return refusal(request, invalid_request(cast("RequestValidationError", failure)))


def _on_database_error(request: Request, error: Exception) -> Response:
    refused = translate(error, runtime_of(request.app).constraints)
    if refused is None:  # raised again, the framework would ask this handler again
        return crash(request, error)
    if refused.kind is Kind.UNAVAILABLE:
        log.warning("database.unavailable", error=repr(error.__cause__ or error))
    return refusal(request, refused)


def _on_framework_error(request: Request, error: Exception) -> Response:
    failure = cast("HTTPException", error)
    headers = dict(failure.headers or {})
    if failure.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"allow": ", ".join(_allowed(request) or [headers.get("Allow", "")])}
    code = FRAMEWORK_CODES.get(failure.status_code, "BAD_REQUEST")
    message = MESSAGES.get(failure.status_code, str(failure.detail))
    return error_response(request, failure.status_code, code, message, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Every method of the path, from all routes that share it (RFC 9110 section 10.2.1)."""
    methods: set[str] = set()
    for template, operations in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(request.scope["path"]):
            methods |= {method.upper() for method in operations}
    return sorted(methods)
