"""Health: is the loop turning, can this service serve, and what do all of them say together."""

import asyncio
import time
from functools import cache
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from chassis.runtime import runtime_of
from chassis.schema import Out

PROBE_SECONDS = 1.0

health_router = APIRouter(include_in_schema=False)


class ServiceHealth(Out):
    """What one service says of itself."""

    name: str
    status: Literal["healthy", "down"]
    latency_ms: float
    detail: str | None = None


class PlatformHealth(Out):
    """What all services say together."""

    status: Literal["healthy", "degraded", "down"]
    services: list[ServiceHealth]


@health_router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The event loop turns."""
    return {"status": "ok"}


@health_router.get("/readyz")
async def readyz(request: Request, response: Response) -> dict[str, Any]:
    """This service can serve: its database answers and the signing keys are known. Not others, not the broker."""
    problems = await _problems(request)
    if problems:
        response.status_code = 503
    return {"status": "unready" if problems else "ready", "problems": problems}


@health_router.api_route("/ready", methods=["GET", "HEAD"])
async def ready(request: Request, response: Response) -> PlatformHealth:
    """The platform's health: 503 when a core service is down."""
    platform = runtime_of(request.app).platform
    services = await asyncio.gather(*(_probe(name, url) for name, url in platform.services.items()))
    down = {service.name for service in services if service.status == "down"}
    if down & platform.core:
        response.status_code = 503
        return PlatformHealth(status="down", services=list(services))
    return PlatformHealth(status="degraded" if down else "healthy", services=list(services))


async def _problems(request: Request) -> list[str]:
    runtime = runtime_of(request.app)
    problems = []
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await runtime.source.database.ping()
    except Exception:  # noqa: BLE001 - whatever it is, we are not ready
        problems.append("the database does not answer")
    if not runtime.verifier.keys.is_loaded:
        try:
            await runtime.verifier.keys.refresh()
        except Exception:  # noqa: BLE001 - as above
            problems.append("signing keys are not loaded")
    return problems


async def _probe(name: str, url: str) -> ServiceHealth:
    started = time.perf_counter()
    detail = None
    try:
        answer = await _client().get(f"{url}/readyz")
        if answer.is_error:
            detail = "not ready"
    except Exception:  # noqa: BLE001 - whatever it is, there was no answer
        detail = "no answer"
    latency = round((time.perf_counter() - started) * 1000, 1)
    return ServiceHealth(name=name, status="down" if detail else "healthy", latency_ms=latency, detail=detail)


@cache
def _client() -> Any:
    import httpx2  # noqa: PLC0415 - heavy, and only needed once somebody asks

    return httpx2.AsyncClient(timeout=PROBE_SECONDS, verify=False)
