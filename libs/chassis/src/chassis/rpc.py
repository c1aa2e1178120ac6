"""gRPC between services: who may call what, deadlines, errors and identity on both sides (design/security.md 7)."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

import grpc
import jwt
import orjson
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis import telemetry
from chassis.context import Work, begin_work, current_work, new_request_id
from chassis.errors import (
    GRPC_STATUS,
    AppError,
    Conflict,
    Constraints,
    Denied,
    DependencyUnavailable,
    Invalid,
    Limited,
    NotFound,
    StaleVersion,
    Unauthenticated,
    translate,
)
from chassis.metrics import rpc_server_duration
from chassis.settings import Address
from chassis.tenants import ModuleDisabled, Tenants

log = structlog.get_logger()

T = TypeVar("T")

TOKEN_SECONDS = 60
TOKEN_RENEWED_AFTER_SECONDS = 30
TOKEN_AUDIENCE = "execos-services"
DEADLINE_SECONDS = 2.0
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
GATEWAY = "gateway"
HEALTH = "/grpc.health.v1.Health/"
PLATFORM = "/execos.platform."
"""What every service answers whatever its module."""
REASON_KEY = "execos-reason"

Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context], Awaitable[Any]]

REFUSALS: Mapping[grpc.StatusCode, type[AppError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Invalid,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.ABORTED: StaleVersion,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Limited,
}
"""What a peer may say about the request; every other status is about the peer."""

Callers = Mapping[str, frozenset[str]]
"""Full method name to the services that may call it; a method that is not listed is refused."""

# Reads are retried by the channel itself when the peer is not reachable; commands never are.
RETRIES = orjson.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.4s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            },
            {"name": [{"service": "execos.platform.v1.JobsService", "method": "Run"}]},
        ]
    }
).decode()


def gateway_token(service_secret: str) -> str:
    """What the gateway shows for itself: it is configured, not programmed, so it cannot sign.

    It makes the caller `gateway`, whom only those methods name that a gateway asks.
    """
    return hmac.digest(service_secret.encode(), b"execos.gateway", "sha256").hex()


class ServiceIdentity:
    """Signs and checks the short tokens by which services know each other."""

    def __init__(self, name: str, secret: str) -> None:
        self._name = name
        self._secret = secret
        self._gateway = gateway_token(secret)
        self._token = ""
        self._made_at = float("-inf")

    def token(self) -> str:
        """A token of at most 60 seconds, renewed every 30."""
        now = time.time()
        if now - self._made_at > TOKEN_RENEWED_AFTER_SECONDS:
            claims = {
                "sub": self._name,
                "aud": TOKEN_AUDIENCE,
                "iat": int(now),
                "exp": int(now) + TOKEN_SECONDS,
            }
            self._token = jwt.encode(claims, self._secret, algorithm="HS256")
            self._made_at = now
        return self._token

    def caller(self, token: str) -> str | None:
        """The service that made a token, or None when it does not hold."""
        if hmac.compare_digest(token.encode(), self._gateway.encode()):
            return GATEWAY
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                audience=TOKEN_AUDIENCE,
                options={"require": ["sub", "aud", "iat", "exp"]},
            )
        except jwt.PyJWTError:
            return None
        return str(claims["sub"])


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Around every method: caller checked against the table, errors mapped, duration measured."""

    def __init__(
        self,
        identity: ServiceIdentity,
        callers: Callers,
        constraints: Constraints,
        tenants: Tenants | None = None,
    ) -> None:
        self._identity = identity
        self._callers = callers
        self._constraints = constraints
        self._tenants = tenants

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Replace the method by one that checks and maps; unary calls only, others do not exist."""
        method = handler_call_details.method
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith(HEALTH):
            return handler
        behaviour = cast("Behaviour | None", handler.unary_unary)
        if behaviour is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            cast("Any", self._guarded(method, behaviour, dict(handler_call_details.invocation_metadata))),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _guarded(self, method: str, behaviour: Behaviour, metadata: Mapping[str, str | bytes]) -> Behaviour:
        async def serve(request: Any, context: Context) -> Any:
            started = time.perf_counter()
            request_id = _text(metadata, "x-request-id") or new_request_id()
            trace = telemetry.traceparent(_text(metadata, "traceparent"))
            begin_work(Work(request_id, traceparent=trace))
            answer, code = None, grpc.StatusCode.OK
            try:
                self._admit(method, _text(metadata, "authorization") or "")
                await self._check_module(method, request)
                answer = await behaviour(request, context)
            except Exception as error:  # noqa: BLE001 - each becomes a status, what is unknown INTERNAL
                code = self._refuse(error, method, context)
            rpc_server_duration.labels(method, code.name).observe(time.perf_counter() - started)
            return answer

        return serve

    def _admit(self, method: str, token: str) -> None:
        caller = self._identity.caller(token)
        if caller is None:
            raise Unauthenticated("a service token is required")
        if caller not in self._callers.get(method, frozenset()):
            raise Denied(f"{caller} may not call this")

    async def _check_module(self, method: str, request: Any) -> None:
        """Denied when the organisation that is asked about has switched this service's module off."""
        org_id = getattr(request, "org_id", "")
        if self._tenants is not None and org_id and not method.startswith(PLATFORM):
            (await self._tenants.rules(uuid_field(org_id, "orgId"))).check_module(self._tenants.module)

    def _refuse(self, error: Exception, method: str, context: Context) -> grpc.StatusCode:
        # A status is set, not raised: `abort` makes a graceful stop wait in vain (grpc #37239).
        refused = translate(error, self._constraints)
        if refused is None:
            log.error("rpc.crashed", method=method, exc_info=error)
            code, message, reason = grpc.StatusCode.INTERNAL, "internal error", "INTERNAL_SERVER_ERROR"
        else:
            code, message, reason = GRPC_STATUS[refused.kind], refused.message, refused.reason
        context.set_trailing_metadata(((REASON_KEY, reason),))
        context.set_code(code)
        context.set_details(message)
        return code


class RpcServer:
    """The gRPC side of a service."""

    def __init__(
        self,
        identity: ServiceIdentity,
        callers: Callers,
        constraints: Constraints,
        tenants: Tenants | None = None,
    ) -> None:
        self.grpc = grpc.aio.server(
            interceptors=[
                *telemetry.server_interceptors(),
                ServerInterceptor(identity, callers, constraints, tenants),
            ],
            options=[
                # Two processes must never share a port: a stale one would serve half of the calls.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ],
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)

    async def start(self, address: str) -> int:
        """Serve on `host:port` and return the port; OSError when it is taken."""
        try:
            port = self.grpc.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: Address already in use") from error
        await self.grpc.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls and let the running ones end."""
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(grace_seconds)


class Peer:
    """A channel to one other service: identity, deadline and error mapping on every call."""

    def __init__(self, name: str, address: str, identity: ServiceIdentity) -> None:
        self.name = name
        self._identity = identity
        Address.parse(address)
        self.channel = grpc.aio.insecure_channel(
            address,
            interceptors=telemetry.client_interceptors(),
            options=[
                ("grpc.service_config", RETRIES),
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )

    async def ask(
        self, method: Callable[..., Awaitable[T]], request: Any, *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> T:
        """The peer's answer; its refusal as the peer says it, DependencyUnavailable when it does not answer."""
        try:
            return await method(request, timeout=deadline_seconds, metadata=self._metadata())
        except grpc.aio.AioRpcError as error:
            raise self._refusal(error) from error

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        work = current_work()
        metadata = [("authorization", self._identity.token())]
        if work is not None:
            metadata.append(("x-request-id", work.request_id))
            if work.traceparent:
                metadata.append(("traceparent", work.traceparent))
        return tuple(metadata)

    def _refusal(self, error: grpc.aio.AioRpcError) -> AppError:
        message = error.details() or ""
        reason = _text(dict(error.trailing_metadata() or ()), REASON_KEY)
        if reason == ModuleDisabled.reason:
            return ModuleDisabled(message)
        kind = REFUSALS.get(error.code())
        if kind is not None:
            refused = kind(message)
            refused.reason = reason or kind.reason  # type: ignore[misc] # this one's
            return refused
        log.warning("peer.failed", peer=self.name, code=error.code().name, error=message)
        return DependencyUnavailable(
            f"The {self.name} service does not answer; try again.", service=self.name
        )


def uuid_field(text: str, name: str) -> UUID:
    """A request field that must be a UUID; Invalid otherwise."""
    try:
        return UUID(text)
    except ValueError:
        raise Invalid.field(name, "must be a UUID") from None


def _text(metadata: Mapping[str, str | bytes], key: str) -> str | None:
    value = metadata.get(key)
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value
