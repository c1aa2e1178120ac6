"""An API key at identity: what its answer costs, beside a call of the same server that does nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from bench.figures import Limit, Result, percentile
from bench.place import Place
from bench.trials import Pace
from chassis.rpc import gateway_token
from execos.gateway.v1 import authorization_pb2 as pb
from execos.gateway.v1.authorization_pb2_grpc import AuthorizationStub
from local.ports import HOST

P99_MS = 2.0
WARM_CALLS = 300
MOST_OF_AN_HOUR = 1_000_000

Call = Callable[[], Awaitable[Any]]


def keys(here: Place, pace: Pace) -> list[Result]:
    """One question after the other, as one worker of the gateway asks them; both sides in turn."""
    body = {"name": "Bench", "scopes": ["deals:read"], "rateLimitPerHour": MOST_OF_AN_HOUR}
    token = here.person("owner").post("/org/api-tokens", body)["token"]
    ours, floor = asyncio.run(_measured(here, token, pace))
    p99, floor_p99 = (median(percentile(each, 0.99) for each in side) for side in (ours, floor))
    p50, floor_p50 = (median(percentile(each, 0.5) for each in side) for side in (ours, floor))
    detail = (
        f"p50 {p50:.2f} ms; a health check of the same server p50 {floor_p50:.2f}, p99 {floor_p99:.2f} ms; "
        f"{sum(map(len, ours))} calls"
    )
    return [Result("API key, p99 at identity", p99, "ms", Limit(P99_MS, unit=" ms"), detail)]


async def _measured(here: Place, key: str, pace: Pace) -> tuple[list[list[float]], list[list[float]]]:
    secret = here.keys.text("service-secret")
    metadata = (("authorization", gateway_token(secret)), ("execos-check", "key"))
    request = pb.CheckRequest()
    request.attributes.request.http.headers["x-api-key"] = key
    async with grpc.aio.insecure_channel(f"{HOST}:{here.stage.ports.grpc('identity')}") as channel:
        check, health = AuthorizationStub(channel).Check, HealthStub(channel).Check

        async def ask() -> None:
            answer = await check(request, metadata=metadata)
            if not answer.HasField("ok_response"):
                raise RuntimeError(str(answer))

        async def ask_nothing() -> None:
            await health(HealthCheckRequest())

        sides: tuple[tuple[Call, list[list[float]]], ...] = ((ask, []), (ask_nothing, []))
        for call, _ in sides:
            for _ in range(WARM_CALLS):
                await call()
        for _ in range(pace.rounds):
            for call, rounds in sides:
                rounds.append(await _round(call, pace.seconds))
    return sides[0][1], sides[1][1]


async def _round(call: Call, seconds: float) -> list[float]:
    """How long each call took, in milliseconds."""
    took: list[float] = []
    ends_at = time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends_at:
        await call()
        took.append((time.perf_counter() - began) * 1000)
    return took
