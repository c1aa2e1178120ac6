"""What organisations demand at identity's own doors, read from its own rows."""

from uuid import UUID

from chassis.runtime import Runtime
from chassis.tenants import Rules
from clients.identity.copies import rules_of
from clients.identity.types import organisation_of
from identity.published import organisation_snapshot
from identity.store import organisations


async def look_up(runtime: Runtime, org_id: UUID) -> Rules:
    """The rules of an organisation; NotFound when there is none."""
    async with runtime.source.database.session(org_id, read_only=True) as session:
        rows = await organisations.get(session, org_id)
    return rules_of(organisation_of(organisation_snapshot(rows)))
