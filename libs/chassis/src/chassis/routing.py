"""The route class of every door: guard declared, unknown parameters refused, answer built, committed, then sent."""

import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from http import HTTPStatus
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from chassis.errors import Invalid, UnsupportedMediaType
from chassis.etag import etag
from chassis.guards import ACTOR_KEY, READING_KEY, TX_KEY, Replayed, Requires, in_keyed_tx
from chassis.idempotency import Answer
from chassis.schema import In, Parameters, is_family
from chassis.tx import Reading, Tx

MAX_JSON_DEPTH = 64
KEPT_HEADERS = ("content-type", "location", "etag")

# Also one that never ends, so that no text makes it start over and over.
_STRINGS = re.compile(rb'"(?:\\.|[^"\\])*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")

_outcome: ContextVar[Any] = ContextVar("execos_outcome", default=None)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class UnguardedRoute(TypeError):
    """A door that names neither a permission nor `public=True`."""


def public() -> dict[str, Any]:
    """`openapi_extra` of a route that needs no token; every other route carries a `Requires`."""
    return {"x-public": True}


def shows_once(*names: str) -> dict[str, Any]:
    """`openapi_extra` of a route whose answer holds secrets under these names: they are never stored for a replay."""
    return {"x-shown-once": list(names)}


def any_query() -> dict[str, Any]:
    """`openapi_extra` of a route whose callers add parameters of their own, as OAuth lets them (RFC 6749, 4.1.2)."""
    return {"x-any-query": True}


def unkeyed() -> dict[str, Any]:
    """`openapi_extra` of a command that takes no Idempotency-Key: nothing of it is stored, as it may be a secret."""
    return {"x-idempotency-key": "ignored"}


def takes_upload(max_bytes: int, schema: Mapping[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a POST that takes a multipart form with a file; its door reads it as it comes in.

    The door itself refuses a file of more than `max_bytes`; here only what cannot but be longer is.
    """
    content = {"multipart/form-data": {"schema": schema}}
    return {"x-upload": max_bytes, "requestBody": {"required": True, "content": content}}


def upload_limit(extra: Mapping[str, Any] | None) -> int | None:
    """How many bytes a route takes that `takes_upload`; None for any other one."""
    limit: int | None = (extra or {}).get("x-upload")
    return limit


class BlockingDependency(TypeError):
    """A door that depends on something that is not `async`."""


class CommittingRoute(APIRoute):
    """Handler, then commit, then response: success is answered only for what is stored (invariant 2)."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        named = {"generate_unique_id_function": _operation_id}
        super().__init__(path, _remember_outcome(endpoint), **options | named)
        guard = find_guard(self.dependant)
        calls = _calls(self.dependant)
        blocking = [call for call in calls if not _is_async(call)]
        if blocking:
            raise BlockingDependency(f"{self.methods} {path} depends on {blocking}, which is not async")
        extra = self.openapi_extra or {}
        if guard is None and not extra.get("x-public"):
            raise UnguardedRoute(f"{self.methods} {path} names no permission and is not public")
        if guard is not None:
            extra = extra | {
                "x-permission": guard.permission or "signed-in",
                "security": [{"bearerAuth": []}],
            }
            extra |= {"x-permission-others": list(guard.others)} if guard.others else {}
        if in_keyed_tx in calls:
            extra = extra | {"x-idempotency-key": "required"}
        models = _parameter_models(self.dependant)
        parameters = [each for model in models for each in model.documented()]
        families = {name: about for model in models for name, about in model.families().items()}
        extra |= {"x-query-families": families} if families else {}
        self.openapi_extra = extra | ({"parameters": parameters} if parameters else {})

    def get_route_handler(self) -> Handler:
        """The framework's handler inside our unit of work."""
        handler = super().get_route_handler()
        known = _query_names(self.dependant)
        takes_json = self.body_field is not None
        guard = find_guard(self.dependant)
        shown_once = (self.openapi_extra or {}).get("x-shown-once", ())
        takes_any_query = bool((self.openapi_extra or {}).get("x-any-query"))
        takes_file = upload_limit(self.openapi_extra) is not None

        async def serve(request: Request) -> Response:
            try:
                if not takes_any_query:
                    check_query(request, known)
                await (check_form(request) if takes_file else check_body(request, takes_json=takes_json))
                response = await handler(request)
                _describe(response, request)
                tx: Tx | None = request.scope.get(TX_KEY)
                if tx is not None:
                    _store_answer(tx, response, shown_once)
                    await tx.commit()
            except Replayed as replay:
                return _replay(replay.answer)
            except (Invalid, UnsupportedMediaType, RequestValidationError):
                if guard is not None and ACTOR_KEY not in request.scope:
                    await guard(request)  # whoever may not come in is told that, whatever else is wrong
                raise
            finally:
                for key in (TX_KEY, READING_KEY):
                    transaction: Tx | Reading | None = request.scope.pop(key, None)
                    if transaction is not None:
                        await transaction.close()
            return response

        return serve


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}.{to_camel(route.name)}" if route.tags else to_camel(route.name)


def find_guard(dependant: Dependant) -> Requires | None:
    """The `Requires` that a route depends on, however deep."""
    if isinstance(dependant.call, Requires):
        return dependant.call
    for dependency in dependant.dependencies:
        guard = find_guard(dependency)
        if guard is not None:
            return guard
    return None


async def check_body(request: Request, *, takes_json: bool) -> None:
    """UnsupportedMediaType, Invalid or RequestValidationError for a body that no door of this kind can take."""
    if not _is_json(request):
        raise UnsupportedMediaType("Send the body as application/json.")
    body = await request.body()
    if not _is_utf8(body):
        raise Invalid.field("body", "is not UTF-8")
    if is_deeper(body, MAX_JSON_DEPTH):
        raise Invalid.field("body", f"is nested deeper than {MAX_JSON_DEPTH} levels")
    if body and not takes_json:
        check_empty(body)


def _is_utf8(body: bytes) -> bool:
    """Whether a JSON text is in UTF-8; in UTF-16 and UTF-32, which the parser would find out, it has NUL bytes."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in body


async def check_form(request: Request) -> None:
    """UnsupportedMediaType unless the body is a multipart form, of which nothing is read yet."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "multipart/form-data" or "boundary=" not in parameters:
        raise UnsupportedMediaType("Send the file as multipart/form-data.")


def check_empty(body: bytes) -> None:
    """RequestValidationError unless the body of a door that takes none is an empty JSON object."""
    try:
        In.model_validate_json(body)
    except ValidationError as refused:
        found = [error | {"loc": ("body", *error["loc"])} for error in refused.errors()]
        raise RequestValidationError(found) from None


def _is_async(call: Callable[..., Any]) -> bool:
    """Whether the framework calls it itself: on another thread it costs more than all else that a door does."""
    own = type(call).__call__
    return iscoroutinefunction(call) or isasyncgenfunction(call) or iscoroutinefunction(own)


def _calls(dependant: Dependant) -> list[Callable[..., Any]]:
    """What is called for a door, itself and whatever it depends on, however deep."""
    own = [dependant.call] if dependant.call is not None else []
    return own + [call for each in dependant.dependencies for call in _calls(each)]


def _parameter_models(dependant: Dependant) -> list[type[Parameters]]:
    found = [model for each in dependant.dependencies for model in _parameter_models(each)]
    owner = getattr(dependant.call, "__self__", None)
    return [*found, owner] if isinstance(owner, type) and issubclass(owner, Parameters) else found


def _query_names(dependant: Dependant) -> frozenset[str]:
    names = {parameter.alias for parameter in dependant.query_params}
    for model in _parameter_models(dependant):
        names |= {field.alias or name for name, field in model.model_fields.items()}
    return frozenset(names).union(*(_query_names(each) for each in dependant.dependencies))


def _is_json(request: Request) -> bool:
    headers = request.headers
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return not has_body or kind == "application/json" or kind.endswith("+json")


def check_query(request: Request, known: frozenset[str]) -> None:
    """Invalid unless the query names only known parameters, in UTF-8 (where it is not, we would see U+FFFD).

    A known name that ends with a dot stands for all names that begin with it.
    """
    try:
        unquote_to_bytes(request.scope["query_string"]).decode()
    except UnicodeDecodeError:
        raise Invalid.field("query", "is not UTF-8") from None
    families = tuple(name for name in known if is_family(name))
    unknown = sorted(
        name for name in request.query_params.keys() - known if not families or not name.startswith(families)
    )
    if unknown:
        raise Invalid(fields=[{"field": name, "issues": ["is not a known parameter"]} for name in unknown])


def is_deeper(body: bytes, limit: int) -> bool:
    """Whether a JSON text is nested deeper than `limit`; one that is no JSON may be said to be either."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            return True
    return False


def _remember_outcome(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def call(*args: Any, **kwargs: Any) -> Any:
        outcome = await endpoint(*args, **kwargs)
        _outcome.set(outcome)
        return outcome

    return call


def _describe(response: Response, request: Request) -> None:
    """ETag from the outcome's version, Location of what was created."""
    outcome = _outcome.get()
    version = getattr(outcome, "version", None)
    if isinstance(version, int):
        response.headers["etag"] = etag(version)
    created = response.status_code == HTTPStatus.CREATED
    if created and "location" not in response.headers and getattr(outcome, "id", None):
        response.headers["location"] = f"{request.scope['path']}/{outcome.id}"


def _store_answer(tx: Tx, response: Response, shown_once: Sequence[str]) -> None:
    if tx.claim is None or response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        return
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    body = bytes(response.body)
    if shown_once:
        body = orjson.dumps(
            {name: value for name, value in orjson.loads(body).items() if name not in shown_once}
        )
    answer = Answer(response.status_code, headers, body)
    tx.answer = tx.claim.row(tx.now, answer)


def _replay(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=answer.headers | {"idempotency-replayed": "true"})
