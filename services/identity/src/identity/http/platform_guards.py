"""What the platform's doors ask for: the platform's own host, and a token of somebody who owns the platform."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from chassis.auth import Actor
from chassis.context import current_work
from chassis.errors import NotFound, Unauthenticated
from chassis.guards import ACTOR_KEY, BEARER, READING_KEY, Requires
from chassis.hosts import is_platform
from chassis.http import API
from chassis.routing import CommittingRoute
from chassis.tx import Reading
from identity.http.guards import Desk, reception_of
from identity.platform_tokens import SCOPE, verify
from identity.reception import Reception


class RequiresPlatform(Requires):
    """Dependency: somebody who owns the platform, on its host; what tenants' roles hold never counts here."""

    def __init__(self) -> None:
        super().__init__(SCOPE)

    async def __call__(self, request: Request) -> Actor:
        """The platform owner; NotFound on other hosts, Unauthenticated without a platform token."""
        reception = await reception_of(request)
        check_host(request, reception)
        actor = request.scope[ACTOR_KEY] = await verify(reception, _bearer(request))
        work = current_work()
        if work is not None:
            work.actor_id = actor.id
        return actor


def _bearer(request: Request) -> str:
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(BEARER):
        raise Unauthenticated("A platform token is required.")
    return header[len(BEARER) :].strip()


def check_host(request: Request, reception: Reception) -> None:
    """NotFound unless the host is the platform's own."""
    if not is_platform(request, reception.settings.root_domain):
        raise NotFound("There is nothing at this address.")


async def on_platform_host(request: Request, reception: Desk) -> None:
    """The same for the door at which one signs in."""
    check_host(request, reception)


async def platform_owner(request: Request) -> Actor:
    """Whoever the router's own guard has let in."""
    actor: Actor = request.scope[ACTOR_KEY]
    return actor


async def in_platform_reading(request: Request, reception: Desk) -> Reading:
    """A read-only transaction across tenants; it begins with its first query."""
    reading = request.scope[READING_KEY] = Reading(reception.source, request.scope[ACTOR_KEY])
    return reading


def platform_router(tag: str) -> APIRouter:
    """A router whose doors are all open to platform owners alone."""
    guard = Depends(RequiresPlatform())
    return APIRouter(prefix=API, tags=[tag], route_class=CommittingRoute, dependencies=[guard])


OnPlatformHost = Depends(on_platform_host)
PlatformOwner = Annotated[Actor, Depends(platform_owner)]
InPlatformReading = Annotated[Reading, Depends(in_platform_reading)]
