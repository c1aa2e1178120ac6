"""`python -m notifications backfill`: copies of every organisation, its members and its roles, asked of identity.

For a service that begins later than the broker remembers. It can run at any time, as often as one likes: a copy is only
replaced by a newer version.
"""

from dataclasses import asdict

import structlog

from chassis.auth import system_actor
from chassis.runtime import Runtime
from clients.identity.client import IdentityClient
from clients.identity.copies import organisation_row, role_row
from notifications.copies import MEMBERS, ORGANISATIONS, ROLES

log = structlog.get_logger()


async def backfill(runtime: Runtime) -> None:
    """Ask identity for every organisation, its members and its roles, and keep them."""
    identity = runtime.part(IdentityClient)
    for organisation in await identity.organisations():
        members = await identity.list_members(organisation.id)
        roles = await identity.roles(organisation.id)
        async with runtime.source.tx(system_actor(organisation.id)) as tx:
            await ORGANISATIONS.keep(tx.session, [organisation_row(organisation)], tx.now)
            await MEMBERS.keep(tx.session, [asdict(member) for member in members], tx.now)
            await ROLES.keep(tx.session, [role_row(role) for role in roles], tx.now)
        log.info("backfill.organisation", org_id=str(organisation.id), members=len(members))
