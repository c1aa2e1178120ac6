"""Hosts of organisations."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Table, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from identity.domain.domains import Domain
from identity.domain.organisations import Organisation

_DOMAIN = cast("Table", Domain.__table__).c
_LIST = Lookup(
    select(*_DOMAIN)
    .where(_DOMAIN.org_id == bindparam("org_id"))
    .order_by(_DOMAIN.is_primary.desc(), _DOMAIN.created_at, _DOMAIN.id)
)


async def list_all(reader: Reader, org_id: UUID) -> Sequence[Any]:
    """Every domain of an organisation: the primary one, then the oldest first."""
    return await reader.rows(_LIST, org_id=org_id)


async def list_rows(session: AsyncSession, org_id: UUID) -> Sequence[Domain]:
    """The same to be changed; the caller holds the organisation's lock."""
    wanted = select(Domain).where(Domain.org_id == org_id)
    return (
        await session.scalars(wanted.order_by(Domain.is_primary.desc(), Domain.created_at, Domain.id))
    ).all()


async def get(session: AsyncSession, org_id: UUID, domain_id: UUID) -> Domain:
    """One domain; NotFound when the organisation has no such one."""
    found = await session.scalar(select(Domain).where(Domain.org_id == org_id, Domain.id == domain_id))
    if found is None:
        raise NotFound("There is no such domain.")
    return found


async def is_taken(session: AsyncSession, host: str) -> bool:
    """Whether any organisation has the host."""
    # tenantless: hosts are unique across organisations
    return bool(await session.scalar(select(exists().where(Domain.host == host))))


class Place(NamedTuple):
    """A host, and the organisation that it leads to."""

    host: str
    slug: str
    status: str


async def list_places(session: AsyncSession) -> Sequence[Place]:
    """Every host and where it leads, whatever the state of the organisation."""
    # tenantless: the gateway asks by host alone
    places = select(Domain.host, Organisation.slug, Organisation.status)
    joined = places.join(Organisation, Organisation.org_id == Domain.org_id)
    return [Place(*row) for row in await session.execute(joined)]


async def find_organisation(session: AsyncSession, slug: str | None, host: str) -> Organisation | None:
    """The organisation of a slug or, where there is none, the one that a host leads to; whatever its state."""
    # tenantless: the host is all that is known before somebody signs in
    wanted = select(Organisation)
    if slug is None:
        wanted = wanted.join(Domain, Domain.org_id == Organisation.org_id).where(Domain.host == host)
    else:
        wanted = wanted.where(Organisation.slug == slug)
    return await session.scalar(wanted)
