"""What identity's doors ask for beside an actor: the reception, the host's organisation, a trusted origin."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from chassis.auth import Actor
from chassis.errors import Denied
from chassis.guards import authenticate, open_tx
from chassis.hosts import host_of, tenant_slug
from chassis.runtime import runtime_of
from chassis.tx import Tx
from identity.domain.domains import UnknownHost
from identity.domain.organisations import Organisation
from identity.reception import Reception
from identity.store import domains


def reception_of(request: Request) -> Reception:
    """The reception of this process."""
    return runtime_of(request.app).part(Reception)


Desk = Annotated[Reception, Depends(reception_of)]


async def tenant(request: Request, reception: Desk) -> frozenset[str]:
    """The slug of the organisation that the host leads to, or none; before any credential (spec/wire.md 8, Hosts)."""
    organisation = await _organisation_at(request, reception)
    if organisation is None:
        return frozenset()
    organisation.check_reachable()
    return frozenset({organisation.slug})


async def _organisation_at(request: Request, reception: Reception) -> Organisation | None:
    """The organisation of a host; None at a neutral one, UnknownHost when there should be one."""
    slug, host = tenant_slug(request, reception.settings.root_domain), host_of(request)
    if slug is None and host == reception.settings.public_host:
        return None
    async with reception.source.database.session(None, read_only=True) as session:
        organisation = await domains.find_organisation(session, slug, host)
    if organisation is None and slug is not None:
        raise UnknownHost("There is no organisation at this host.")
    return organisation


Tenant = Annotated[frozenset[str], Depends(tenant)]


async def check_origin(request: Request, reception: Desk) -> None:
    """Refuse a browser that carries our cookie here from a page of somebody else."""
    origin = request.headers.get("origin")
    if origin is not None:
        is_own = origin in {*reception.settings.origins, _own_origin(request, reception)}
    else:
        is_own = request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    if not is_own:
        raise Denied("This origin may not use the session cookie.")


def _own_origin(request: Request, reception: Reception) -> str:
    """The origin of pages on the host that was asked; the gateway takes the port off that header."""
    public = urlsplit(reception.settings.public_base_url)
    host = request.headers.get("host", "").lower().partition(":")[0]
    return f"{public.scheme}://{host}" + (f":{public.port}" if public.port else "")


OwnOrigin = Depends(check_origin)


async def in_system_tx(request: Request, reception: Desk) -> Tx:
    """The transaction of a command that also touches people, who belong to no tenant; the route commits it."""
    return await open_tx(request, reception.source)


InSystemTx = Annotated[Tx, Depends(in_system_tx)]


async def sender(request: Request) -> Actor | None:
    """Who is signed in at a public door, if a token is sent; one that does not hold is refused like anywhere."""
    if "authorization" not in request.headers:
        return None
    return await authenticate(request, runtime_of(request.app))


Sender = Annotated[Actor | None, Depends(sender)]
