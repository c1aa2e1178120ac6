"""What organisations demand at reporting's doors: kept with their read model, asked of identity until it is there."""

from uuid import UUID

from chassis.errors import NotFound
from chassis.runtime import Runtime
from chassis.tenants import Rules
from clients.identity.client import IdentityClient
from clients.identity.copies import rules_of
from reporting.domain.rules import restored
from reporting.store.models import find_rules


async def look_up(runtime: Runtime, org_id: UUID) -> Rules:
    """The rules of an organisation; closed when nobody knows it."""
    async with runtime.source.database.session(org_id, read_only=True) as session:
        kept = await find_rules(session, org_id)
    if kept is not None:
        return restored(kept)
    try:
        return rules_of(await runtime.part(IdentityClient).organisation(org_id))
    except NotFound:
        return Rules(is_open=False)
