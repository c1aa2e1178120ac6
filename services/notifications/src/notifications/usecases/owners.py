"""Following who owns what."""

from uuid import UUID

from chassis.tx import Tx
from notifications.domain.access import Entity
from notifications.domain.ownership import Ownership, is_new_owner
from notifications.store import owners


async def follow_owner(
    tx: Tx, entity: tuple[Entity, UUID], now: Ownership, *, is_creation: bool = False
) -> bool:
    """Keep the owner that a fact names; True when the entity was given to somebody by it."""
    before = await owners.find(tx, tx.actor.org_id, *entity)
    await owners.keep(tx.session, tx.actor.org_id, entity, now, now=tx.now)
    return is_new_owner(before, now, is_creation=is_creation)


async def find_deal_owner(tx: Tx, deal_id: UUID | None) -> UUID | None:
    """Who owns a deal as far as it is known here."""
    if deal_id is None:
        return None
    found = await owners.find(tx, tx.actor.org_id, Entity.DEAL, deal_id)
    return found.owner_id if found else None
