"""The public keys that access tokens are verified with (RFC 7517)."""

from typing import Any

from fastapi import APIRouter, Response

from chassis.routing import CommittingRoute, public
from chassis.schema import Out
from identity.http.guards import Desk, Tenant

keys = APIRouter(tags=["keys"], route_class=CommittingRoute)


class KeySetOut(Out):
    """A JSON Web Key Set."""

    keys: list[dict[str, str]]


@keys.get("/.well-known/jwks.json", name="read", response_model=KeySetOut, openapi_extra=public())
async def read(desk: Desk, tenant: Tenant, response: Response) -> dict[str, Any]:  # noqa: ARG001 - unknown hosts have none
    """The keys in use, the next one announced in time."""
    response.headers["cache-control"] = f"public, max-age={desk.settings.jwks_cache_seconds}"
    return {"keys": await desk.keyring.published()}
