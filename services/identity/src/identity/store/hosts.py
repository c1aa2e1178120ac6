"""Where the hosts of organisations lead."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from identity.domain.organisations import Organisation


class Place(NamedTuple):
    """A host, and the organisation that it leads to."""

    host: str
    slug: str
    status: str


async def list_places(session: AsyncSession) -> Sequence[Place]:
    """Every host of an organisation, whatever its state."""
    # tenantless: the host is all that is known before somebody signs in
    return [
        Place(*row)
        for row in await session.execute(select(Organisation.slug, Organisation.slug, Organisation.status))
    ]
