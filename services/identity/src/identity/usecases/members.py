"""What can be done with the people of an organisation: change, suspend, restore, remove."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.activity import changes_of
from chassis.auth import Actor
from chassis.tx import Tx
from identity.domain.members import LastOwner, Membership, MemberState
from identity.domain.own_roles import check_touch
from identity.domain.roles import UNLIMITED
from identity.domain.sessions import EndReason
from identity.published import (
    member_reactivated,
    member_removed,
    member_role_changed,
    member_suspended,
    member_updated,
)
from identity.store import invitations, members, organisations, sessions
from identity.usecases.api_keys import revoke_keys_of
from identity.usecases.invitations import get_rights
from identity.usecases.security_events import raise_event
from identity.usecases.sessions import end_session

BULK = 3
BULK_WITHIN = timedelta(minutes=10)


async def change_member(tx: Tx, actor: Actor, user_id: UUID, changes: Mapping[str, Any]) -> Membership:
    """Another display name, title or role in this organisation."""
    member = await _lock(tx, actor, user_id)
    await _change(tx, actor, member, changes, "USER_UPDATE")
    return member


async def administer_member(
    tx: Tx, actor: Actor, user_id: UUID, *, role: str | None, status: MemberState | None
) -> Membership:
    """Another role, another status, or both at once."""
    member = await _lock(tx, actor, user_id)
    if role is not None:
        await _change(tx, actor, member, {"role": role}, "ORG_MEMBER_UPDATED")
        await tx.flush()  # what follows counts owners as they are stored
    if status is MemberState.SUSPENDED and member.status != status:
        await _suspend(tx, actor, member)
    elif status is MemberState.ACTIVE and not member.is_active:
        _restore(tx, actor, member)
    return member


async def suspend_member(tx: Tx, actor: Actor, user_id: UUID) -> Membership:
    """Keep a person out of the organisation; their sessions in it end at once (W4)."""
    member = await _lock(tx, actor, user_id)
    await _suspend(tx, actor, member)
    return member


async def restore_member(tx: Tx, actor: Actor, user_id: UUID) -> Membership:
    """Let a suspended person in again."""
    member = await _lock(tx, actor, user_id)
    _restore(tx, actor, member)
    return member


async def remove_member(tx: Tx, actor: Actor, user_id: UUID) -> None:
    """End a membership, also one's own; sessions in the organisation end at once, an open invitation is void (W4)."""
    member = await _lock(tx, actor, user_id)
    was_owner = member.is_active_owner
    member.remove(actor, tx.now)
    if was_owner:
        await _keep_an_owner(tx, member)
    tx.record(member, "ORG_MEMBER_REMOVED")
    tx.publish(member_removed(member))
    await _shut_out(tx, member, EndReason.REMOVED)
    invitation = await invitations.find_pending(tx.session, actor.org_id, user_id)
    if invitation is not None:
        invitation.revoke()
        tx.record(invitation, "ORG_INVITE_REVOKED")


def tell_of_power(tx: Tx, member: Membership) -> None:
    """Raise a security event when somebody may do everything from now on."""
    if member.is_active and member.role in UNLIMITED:
        text = f"Somebody has become {member.role} of the organisation."
        raise_event(tx, "ADMIN_ROLE_GRANTED", "CRITICAL", text, user_id=member.id)


async def _change(tx: Tx, actor: Actor, member: Membership, changes: Mapping[str, Any], action: str) -> None:
    check_touch(actor, member.role)
    was_owner = member.is_active_owner
    for name, value in changes.items():
        if name == "role":
            member.assign(await get_rights(tx, value), actor)
        else:
            setattr(member, name, value)
    if was_owner:
        await _keep_an_owner(tx, member)
    _, changed = changes_of(member)
    if not changed:
        return
    tx.record(member, action)
    if "role" not in changed:
        tx.publish(member_updated(member))
        return
    tx.publish(member_role_changed(member))
    tell_of_power(tx, member)
    invitation = await invitations.find_pending(tx.session, member.org_id, member.id)
    if invitation is not None:
        invitation.role = member.role


async def _suspend(tx: Tx, actor: Actor, member: Membership) -> None:
    was_owner = member.is_active_owner
    member.suspend(actor, tx.now)
    if was_owner:
        await _keep_an_owner(tx, member)
    tx.record(member, "USER_DEACTIVATE")
    tx.publish(member_suspended(member))
    await _shut_out(tx, member, EndReason.SUSPENDED)


def _restore(tx: Tx, actor: Actor, member: Membership) -> None:
    member.restore(actor)
    tx.record(member, "USER_REACTIVATE")
    tx.publish(member_reactivated(member))
    tell_of_power(tx, member)


async def _shut_out(tx: Tx, member: Membership, reason: EndReason) -> None:
    for session in await sessions.lock_running(tx.session, member.org_id, member.id):
        end_session(tx, session, reason, "SESSION_END")
    await revoke_keys_of(tx, member.org_id, member.id)
    # Told once in a row: as the fourth goes, not again with the fifth. This one is not written yet.
    before = await members.count_ended(tx.session, member.org_id, tx.actor.id, tx.now - BULK_WITHIN)
    if before == BULK and member.joined_at is not None:
        text = "Somebody has suspended or removed more than three people within ten minutes."
        raise_event(tx, "BULK_USER_DEACTIVATION", "HIGH", text, user_id=tx.actor.id)


async def _lock(tx: Tx, actor: Actor, user_id: UUID) -> Membership:
    # The organisation first: two owners who demote each other at once must see each other's change.
    await organisations.lock(tx.session, actor.org_id)
    member = await members.get(tx.session, actor.org_id, user_id)
    tx.expect(member)
    return member


async def _keep_an_owner(tx: Tx, member: Membership) -> None:
    # Counted as stored, before this change is written.
    if not member.is_active_owner and await members.count_active_owners(tx.session, member.org_id) <= 1:
        raise LastOwner("An organisation always keeps an active owner.")
