"""What can be done with the people of an organisation: invite, change, suspend, restore."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.activity import changes_of
from chassis.auth import Actor
from chassis.errors import Denied
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.members import (
    AlreadyMember,
    InvitationLimit,
    LastOwner,
    Membership,
    MemberState,
)
from identity.domain.roles import Role, may_assign
from identity.domain.sessions import EndReason
from identity.published import (
    member_invited,
    member_reactivated,
    member_role_changed,
    member_suspended,
    member_updated,
)
from identity.store import accounts, members, organisations, sessions
from identity.usecases.sessions import end_session

DAY = timedelta(days=1)


async def invite_member(
    tx: Tx, actor: Actor, person: Account, role: Role, *, title: str | None = None, per_day: int
) -> Membership:
    """An invitation with a name; the answer does not tell whether the address is known elsewhere (W1)."""
    if not may_assign(actor.role, role):
        raise Denied("Only an owner or admin may invite an owner or admin.")
    await organisations.lock(tx.session, actor.org_id)
    invited = await members.count_invited(tx.session, actor.org_id, actor.id, tx.now - DAY)
    if invited >= per_day:
        raise InvitationLimit("You have invited too many people today.", limit=per_day)
    account = await accounts.find_or_add(tx.session, person)
    member = await members.find(tx.session, actor.org_id, account.id)
    if member is not None and member.status != MemberState.REMOVED:
        raise AlreadyMember("This person belongs to the organisation already.")
    if member is None:
        member = Membership.of(actor.org_id, account, role, tx.now)
        tx.add(member)
    member.invite(actor.id, tx.now)
    member.name, member.role, member.title = person.name, role, title
    tx.record(member, "USER_CREATE")
    tx.publish(member_invited(member))
    return member


async def change_member(tx: Tx, actor: Actor, user_id: UUID, changes: dict[str, Any]) -> Membership:
    """Another display name, title or role in this organisation."""
    member = await _lock(tx, actor, user_id)
    member.check_reach(actor)
    role = changes.pop("role", None)
    was_owner = member.is_active_owner
    if role is not None:
        member.assign(role, actor)
    for name, value in changes.items():
        setattr(member, name, value)
    if was_owner:
        await _keep_an_owner(tx, member)
    _, changed = changes_of(member)
    if changed:
        tx.record(member, "USER_UPDATE")
        tx.publish(member_role_changed(member) if "role" in changed else member_updated(member))
    return member


async def suspend_member(tx: Tx, actor: Actor, user_id: UUID) -> Membership:
    """Keep a person out of the organisation; their sessions in it end at once (W4)."""
    member = await _lock(tx, actor, user_id)
    was_owner = member.is_active_owner
    member.suspend(actor)
    if was_owner:
        await _keep_an_owner(tx, member)
    tx.record(member, "USER_DEACTIVATE")
    tx.publish(member_suspended(member))
    for session in await sessions.lock_running(tx.session, actor.org_id, user_id):
        end_session(tx, session, EndReason.SUSPENDED, "SESSION_END")
    return member


async def restore_member(tx: Tx, actor: Actor, user_id: UUID) -> Membership:
    """Let a suspended person in again."""
    member = await _lock(tx, actor, user_id)
    member.restore(actor)
    tx.record(member, "USER_REACTIVATE")
    tx.publish(member_reactivated(member))
    return member


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
