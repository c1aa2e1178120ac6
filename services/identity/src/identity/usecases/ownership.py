"""What only the owner can do: hand the organisation over, or have it deleted."""

from uuid import UUID

from chassis.auth import Actor
from chassis.errors import BadRequest, Denied
from chassis.tx import Tx
from identity.domain.members import Membership
from identity.domain.organisations import Organisation
from identity.domain.roles import Role
from identity.published import member_role_changed
from identity.store import members, organisations
from identity.usecases.members import tell_of_power
from identity.usecases.tenants import schedule_deletion


async def transfer_ownership(tx: Tx, actor: Actor, user_id: UUID) -> Membership:
    """Make somebody else the owner; the one before is an admin from then on. Answers the new owner."""
    owner = await _lock_owner(tx, actor)
    member = await members.find(tx.session, actor.org_id, user_id)
    if member is None or not member.is_active or member.id == owner.id:
        raise BadRequest("The new owner must be another active member.")
    for each, role in ((member, Role.OWNER), (owner, Role.ADMIN)):
        if each.role != role:
            each.role = role
            tx.record(each, "OWNERSHIP_TRANSFER")
            tx.publish(member_role_changed(each))
    tell_of_power(tx, member)
    return member


async def delete_organisation(tx: Tx, actor: Actor, confirm: str) -> Organisation:
    """Archive the organisation now and delete it after the days of grace; Invalid unless `confirm` is its slug."""
    await _lock_owner(tx, actor)
    await schedule_deletion(tx, actor.org_id, confirm)
    return (await organisations.get(tx.session, actor.org_id)).organisation


async def _lock_owner(tx: Tx, actor: Actor) -> Membership:
    """The caller's membership, under the organisation's lock; Denied when they own it no more."""
    await organisations.lock(tx.session, actor.org_id)
    owner = await members.find(tx.session, actor.org_id, actor.id) if actor.id else None
    if owner is None or not owner.is_active_owner:
        raise Denied("Only an owner can do this.")  # who handed it over a moment ago still has the old token
    return owner
