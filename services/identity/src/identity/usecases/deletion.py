"""The end of an organisation: after its days of grace everything of it goes, here and, by a fact, everywhere."""

from datetime import timedelta
from uuid import UUID

import structlog

from chassis.auth import system_actor
from chassis.erasure import erase
from identity.domain.rows import Row
from identity.published import organisation_deleted
from identity.reception import Reception
from identity.store import accounts, tenants

log = structlog.get_logger()

LAST = frozenset({"organisation", "membership"})
"""What is kept until nothing else is left: without it nobody would know whose the people were."""
MARGIN = timedelta(minutes=1)
"""Another process, whose clock lags, may have just revoked a deletion that is due."""


async def delete_due(reception: Reception) -> None:
    """Delete what is due; a run that was cut short goes on with the next one."""
    async with reception.tx() as tx:
        due = await tenants.list_due(tx.session, tx.now - MARGIN)
    for org_id in due:
        await _delete(reception, org_id)


async def _delete(reception: Reception, org_id: UUID) -> None:
    await erase(reception.source.database, Row.metadata, org_id, keep=LAST)
    async with reception.source.tx(system_actor(org_id)) as tx:
        organisation = await tenants.find_due(tx.session, org_id, tx.now)
        if organisation is None:
            return
        await accounts.forget_members(tx.session, org_id)
        await tx.session.delete(organisation)
        tx.publish(organisation_deleted(organisation))
    log.info("organisation.deleted", tenant=str(org_id), slug=organisation.slug)
