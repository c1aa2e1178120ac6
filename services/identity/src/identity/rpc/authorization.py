"""The gateway's questions in Envoy's own protocol (envoy.service.auth.v3): whose key, and whose host."""

from collections.abc import Mapping
from typing import Any

import grpc
from starlette.requests import Request

from chassis.context import Work, begin_work, new_request_id
from chassis.envelope import refusal
from chassis.errors import AppError, Unauthenticated
from chassis.hosts import TENANT_HEADER
from chassis.runtime import Runtime
from execos.gateway.v1 import authorization_pb2 as pb
from execos.gateway.v1.authorization_pb2_grpc import (
    AuthorizationServicer,
    add_AuthorizationServicer_to_server,
)
from identity.address_book import AddressBook
from identity.porter import Porter

CHECK = "/envoy.service.auth.v3.Authorization/Check"
ABOUT = "execos-check"
"""Metadata by which the gateway says what it asks about: `key`, or `host`."""
KEY_HEADER = "x-api-key"
BEARER = "bearer "
REPLACED = 2
"""Envoy's `OVERWRITE_IF_EXISTS_OR_ADD`."""

Context = grpc.aio.ServicerContext[Any, Any]
Headers = Mapping[str, str]


class Authorization(AuthorizationServicer):
    """Swaps a key for an access token, and tells which organisation a host of its own leads to."""

    def __init__(self, porter: Porter, address_book: AddressBook) -> None:
        self._porter = porter
        self._address_book = address_book

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:  # noqa: N802 - Envoy's name
        """Let in with other headers, or the refusal as the client shall see it."""
        http = request.attributes.request.http
        begin_work(Work(http.headers.get("x-request-id") or new_request_id()))
        about = dict(context.invocation_metadata() or ()).get(ABOUT)
        try:
            if about == "host":
                return _passed({TENANT_HEADER: await self._address_book.slug_at(http.host)})
            shown = await self._porter.admit(_key(http.headers))
        except AppError as refused:
            return _refused(http.headers, refused)
        return _passed({"authorization": f"Bearer {shown.token}"}, remove=[KEY_HEADER])


def serve_authorization(runtime: Runtime, server: grpc.aio.Server) -> None:
    """Answer the gateway's questions on a server."""
    servicer = Authorization(runtime.part(Porter), runtime.part(AddressBook))
    add_AuthorizationServicer_to_server(servicer, server)


def _key(headers: Headers) -> str:
    """The key as it was sent; its own header wins over the other one."""
    own = headers.get(KEY_HEADER)
    if own:
        return own
    authorization = headers.get("authorization", "")
    if not authorization.lower().startswith(BEARER):
        raise Unauthenticated("An API key is required.")
    return authorization[len(BEARER) :].strip()


def _passed(headers: Headers, remove: list[str] | None = None) -> pb.CheckResponse:
    options = [
        pb.HeaderValueOption(
            header=pb.HeaderValue(key=name, value=value),
            append_action=REPLACED,
        )
        for name, value in headers.items()
    ]
    answer = pb.OkHttpResponse(headers=options, headers_to_remove=remove or [])
    return pb.CheckResponse(status=pb.Status(), ok_response=answer)


def _refused(headers: Headers, error: AppError) -> pb.CheckResponse:
    """The same answer that a service would give, in the form that the client asked for."""
    accept = headers.get("accept", "").encode()
    answer = refusal(Request({"type": "http", "headers": [(b"accept", accept)]}), error)
    options = [
        pb.HeaderValueOption(
            header=pb.HeaderValue(key=name, value=value),
            append_action=REPLACED,
        )
        for name, value in answer.headers.items()
        if name not in {"content-length", "content-type"}  # the gateway's own
    ]
    denied = pb.DeniedHttpResponse(headers=options, body=bytes(answer.body).decode())
    denied.status.code = answer.status_code
    return pb.CheckResponse(
        status=pb.Status(code=grpc.StatusCode.PERMISSION_DENIED.value[0]), denied_response=denied
    )
