"""`python -m notifications backfill`: copies of every organisation and its members, asked of identity.

For a service that begins later than the broker remembers. It can run at any time, as often as one likes: a copy is only
replaced by a newer version.
"""

from dataclasses import asdict

import structlog

from chassis.auth import system_actor
from chassis.runtime import Runtime
from clients.identity.client import IdentityClient
from clients.identity.copies import organisation_row
from notifications.copies import MEMBERS, ORGANISATIONS

log = structlog.get_logger()


async def backfill(runtime: Runtime) -> None:
    """Ask identity for every organisation and its members, and keep them."""
    identity = runtime.part(IdentityClient)
    for organisation in await identity.organisations():
        members = await identity.list_members(organisation.id)
        async with runtime.source.tx(system_actor(organisation.id)) as tx:
            await ORGANISATIONS.keep(tx.session, [organisation_row(organisation)], tx.now)
            await MEMBERS.keep(tx.session, [asdict(member) for member in members], tx.now)
        log.info("backfill.organisation", org_id=str(organisation.id), members=len(members))
