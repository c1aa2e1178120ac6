"""The gateway's side of identity: its questions over real gRPC, and what it makes of the answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from services.identity.tests.place import Person, Place

from chassis.rpc import RpcServer, ServiceIdentity, gateway_token
from execos.gateway.v1 import authorization_pb2 as pb
from execos.gateway.v1.authorization_pb2_grpc import AuthorizationStub
from identity.rpc.identity_service import CALLERS, serve_identity

SECRET = "s" * 40
KEYS = "/org/api-tokens"
Json = dict[str, Any]
Check = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Check]:
    """Asks as the gateway does: about a key, or with `host` about a host."""
    server = RpcServer(ServiceIdentity("identity", SECRET), CALLERS, {})
    serve_identity(place.stand.runtime, server.grpc)
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:

        async def ask(
            key: str | None, token: str = gateway_token(SECRET), host: str = "", **headers: str
        ) -> Any:
            request = pb.CheckRequest()
            http = request.attributes.request.http
            http.host = host
            http.headers.update(headers | ({"x-api-key": key} if key is not None else {}))
            metadata = (("authorization", token), ("execos-check", "host" if host else "key"))
            return await AuthorizationStub(channel).Check(request, timeout=5, metadata=metadata)

        yield ask
    await server.stop(0)


async def make(who: Person, *scopes: str, **more: Any) -> Json:
    """A key made through the door."""
    body = {"name": "Shop", "scopes": scopes or ("deals:read",), **more}
    answer = await who.browser.post(KEYS, json=body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def status(answer: Any) -> int:
    """The HTTP status of a refusal, 200 for none."""
    return int(answer.denied_response.status.code) if answer.HasField("denied_response") else 200


def headers_of(answer: Any) -> dict[str, str]:
    """What the gateway sets: on the request that goes on, or on the refusal."""
    part = answer.denied_response if answer.HasField("denied_response") else answer.ok_response
    return {each.header.key: each.header.value for each in part.headers}


def token_of(answer: Any) -> str:
    """The access token that a key was swapped for."""
    return headers_of(answer)["authorization"].removeprefix("Bearer ")
