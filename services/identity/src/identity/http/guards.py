"""What identity's doors ask for beside an actor: the reception, the host's organisation, a trusted origin."""

from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, Request

from chassis.auth import Actor
from chassis.errors import Denied
from chassis.etag import parse_if_match
from chassis.guards import TX_KEY, Arriving, authenticate, open_tx
from chassis.hosts import host_of, tenant_slug
from chassis.runtime import runtime_of
from chassis.tx import Tx
from identity.domain.domains import UnknownHost
from identity.domain.organisations import Organisation
from identity.http import cookies
from identity.reception import Reception
from identity.store import domains


async def reception_of(request: Request) -> Reception:
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


async def origins(request: Request, reception: Desk) -> frozenset[str]:
    """The pages that are ours: the configured ones, and those on the host that was asked."""
    return reception.settings.origins | {_own_origin(request, reception)}


Origins = Annotated[frozenset[str], Depends(origins)]


class Arrival(NamedTuple):
    """Where somebody comes from who signs in: the organisation of the host, the pages that are ours, the device."""

    tenant: frozenset[str]
    origins: frozenset[str]
    device_mark: str | None

    def wanted(self, org_slug: str | None) -> frozenset[str]:
        """The slugs that host and body name."""
        return self.tenant | ({org_slug.lower()} if org_slug else set())


async def arrival(tenant: Tenant, origins: Origins, device: cookies.DeviceCookie = None) -> Arrival:
    """What a door for signing in knows beside what is in the body."""
    return Arrival(tenant, origins, device)


From = Annotated[Arrival, Depends(arrival)]


async def check_origin(request: Request, reception: Desk) -> None:
    """Refuse a browser that carries our cookie here from a page of somebody else."""
    origin = request.headers.get("origin")
    if origin is not None:
        is_own = origin in await origins(request, reception)
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


async def in_own_tx(request: Request, actor: Arriving, reception: Desk) -> Tx:
    """The transaction of a command about oneself; no answer of it is stored, so that no secret is (spec/wire.md 8)."""
    tx = Tx(reception.source, actor, if_match=parse_if_match(request.headers.getlist("if-match")))
    request.scope[TX_KEY] = tx
    return tx


InOwnTx = Annotated[Tx, Depends(in_own_tx)]
