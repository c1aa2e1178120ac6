"""Identity as the gateway asks it, played by a gRPC server of this process: two hosts, and keys that say their fate."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final, Self, cast

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from execos.gateway.v1 import authorization_pb2 as pb
from execos.gateway.v1.authorization_pb2_grpc import (
    AuthorizationServicer,
    add_AuthorizationServicer_to_server,
)
from gateway.testing.tokens import Issuer

OWN_HOST: Final = "crm.customer.example"
CLOSED_HOST: Final = "crm.closed.example"
GOOD_KEY, SPENT_KEY, SLOW_KEY, CRASHING_KEY = "exk_good", "exk_spent", "exk_slow", "exk_crashing"
REPLACED: Final = 2
MESSAGE: Final = "As identity says it."
KEY_ID: Final = "0193f6a0-0000-7000-8000-00000000000a"


class IdentityRpc(AuthorizationServicer):
    """Answers and remembers what it was asked: the metadata and the attributes of each question."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.asked: list[tuple[dict[str, Any], Any]] = []
        self.port = 0
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()

    def listen(self) -> None:
        """Answer, again on the port it had."""
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        # The contracts know servers that do not block; the code they generate serves both kinds.
        add_AuthorizationServicer_to_server(self, cast("Any", self._server))
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def refuse(self) -> None:
        """Answer nobody."""
        if self._server is not None:
            self._server.stop(0).wait()

    def questions(self, about: str) -> list[Any]:
        """The attributes of the HTTP requests that were asked about."""
        return [http for metadata, http in self.asked if metadata["execos-check"] == about]

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - Envoy's name
        """What identity would answer."""
        http = request.attributes.request.http
        metadata = dict(context.invocation_metadata())
        self.asked.append((metadata, http))
        return _host(http) if metadata["execos-check"] == "host" else self._key(http)

    def _key(self, http: Any) -> Any:
        headers: Mapping[str, str] = http.headers
        key = headers.get("x-api-key") or headers.get("authorization", "").partition(" ")[2]
        if key == CRASHING_KEY:
            raise RuntimeError(key)
        if key == SLOW_KEY:
            time.sleep(2)
        if key == SPENT_KEY:
            return _denied(http, 429, "TOO_MANY_REQUESTS", {"retry-after": "77"})
        if key != GOOD_KEY:
            return _denied(http, 401, "UNAUTHORIZED", {"www-authenticate": "Bearer"})
        token = self.issuer.token(sub=KEY_ID, kind="key")
        return _passed({"authorization": f"Bearer {token}"}, remove=["x-api-key"])


def _host(http: Any) -> Any:
    answers: Mapping[str, Callable[[], Any]] = {
        OWN_HOST: lambda: _passed({"x-execos-tenant": "customer"}),
        CLOSED_HOST: lambda: _denied(http, 403, "ORGANISATION_INACTIVE"),
    }
    return answers.get(http.host.lower(), lambda: _denied(http, 404, "UNKNOWN_HOST"))()


def _passed(headers: Mapping[str, str], remove: list[str] | None = None) -> Any:
    return pb.CheckResponse(
        ok_response=pb.OkHttpResponse(headers=_options(headers), headers_to_remove=remove or [])
    )


def _denied(http: Any, status: int, code: str, headers: Mapping[str, str] | None = None) -> Any:
    shown = {"code": code, "requestId": http.headers.get("x-request-id")}
    if http.headers.get("accept") == "application/problem+json":
        title = HTTPStatus(status).phrase
        body = shown | {"type": "about:blank", "title": title, "status": status, "detail": MESSAGE}
    else:
        body = {"error": shown | {"message": MESSAGE}}
    denied = pb.DeniedHttpResponse(headers=_options(headers or {}), body=json.dumps(body))
    denied.status.code = status
    answer = pb.CheckResponse(denied_response=denied)
    answer.status.code = grpc.StatusCode.PERMISSION_DENIED.value[0]
    return answer


def _options(headers: Mapping[str, str]) -> list[Any]:
    return [
        pb.HeaderValueOption(header=pb.HeaderValue(key=name, value=value), append_action=REPLACED)
        for name, value in headers.items()
    ]
