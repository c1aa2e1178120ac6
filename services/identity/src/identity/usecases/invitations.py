"""What can be done with invitations: invite, send again, take back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from chassis.auth import Actor
from chassis.errors import Invalid
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.invitations import Invitation, InvitationLimit, InvitationMail
from identity.domain.members import AlreadyMember, Membership, MemberState
from identity.domain.own_roles import Rights, check_touch
from identity.published import member_invited, member_removed
from identity.store import accounts, invitations, members, organisations, roles

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Guest:
    """Who is invited; `name` as whoever invites them knows them."""

    email: str
    role: str
    name: str | None = None
    title: str | None = None

    @property
    def shown_name(self) -> str:
        """What stands for the name until the person gives one."""
        return self.name or self.email.partition("@")[0]


class Invited(NamedTuple):
    """A member to be, and the invitation."""

    member: Membership
    invitation: Invitation


async def invite_member(tx: Tx, actor: Actor, guest: Guest, *, per_day: int) -> Invited:
    """An invitation by mail; the answer does not tell whether the address is known elsewhere (W1)."""
    await organisations.lock(tx.session, actor.org_id)
    (await get_rights(tx, guest.role)).check_assignable(actor)
    await _check_limit(tx, actor, per_day)
    account = await accounts.find_or_add(tx.session, Account.of(guest.email, guest.shown_name, tx.now))
    member = await members.find(tx.session, actor.org_id, account.id)
    pending = await invitations.find_pending(tx.session, actor.org_id, account.id)
    if member is not None and not _can_be_invited(member, pending, tx):
        raise AlreadyMember("This person belongs to the organisation already.")
    if member is None:
        member = Membership.of(actor.org_id, account, guest.role, tx.now)
        tx.add(member)
    member.invite(actor.id, tx.now)
    member.name, member.role, member.title = guest.shown_name, guest.role, guest.title
    tx.record(member, "USER_CREATE")
    invitation = pending or Invitation.of(member, name=guest.name, by=actor.id, now=tx.now)
    if pending is None:
        tx.add(invitation)
    else:
        pending.renew(tx.now)
        pending.name, pending.role, pending.invited_by_user_id = guest.name, guest.role, actor.id
    tx.record(invitation, "ORG_INVITE_CREATED")
    _send(tx, member, invitation)
    return Invited(member, invitation)


async def resend_invitation(tx: Tx, actor: Actor, invitation_id: UUID, *, per_day: int) -> Invitation:
    """Another mail with another link, for seven more days; the older link is void, and the limit counts it too."""
    member, invitation = await _lock(tx, actor, invitation_id)
    (await get_rights(tx, member.role)).check_assignable(actor)
    await _check_limit(tx, actor, per_day)
    invitation.renew(tx.now)
    tx.record(invitation, "ORG_INVITE_RESENT")
    _send(tx, member, invitation)
    return invitation


async def revoke_invitation(tx: Tx, actor: Actor, invitation_id: UUID) -> None:
    """Take an invitation back: its link is void, and who was invited is no member to be."""
    member, invitation = await _lock(tx, actor, invitation_id)
    invitation.revoke()
    tx.record(invitation, "ORG_INVITE_REVOKED")
    member.remove(actor, tx.now)
    tx.record(member, "ORG_MEMBER_REMOVED")
    tx.publish(member_removed(member))


async def get_rights(tx: Tx, key: str) -> Rights:
    """What a role of this organisation may do; Invalid when there is no such role."""
    rights = await roles.rights(tx.session, tx.actor.org_id, key)
    if not rights.is_known:
        raise Invalid.field("role", "is no role of this organisation")
    return rights


def _can_be_invited(member: Membership, pending: Invitation | None, tx: Tx) -> bool:
    is_waiting = pending is not None and tx.now < pending.expires_at
    return member.status == MemberState.REMOVED or (member.status == MemberState.INVITED and not is_waiting)


async def _lock(tx: Tx, actor: Actor, invitation_id: UUID) -> Invited:
    await organisations.lock(tx.session, actor.org_id)
    invitation = await invitations.get(tx.session, actor.org_id, invitation_id)
    tx.expect(invitation)
    member = await members.get(tx.session, actor.org_id, invitation.user_id)
    check_touch(actor, member.role)
    return Invited(member, invitation)


async def _check_limit(tx: Tx, actor: Actor, per_day: int) -> None:
    if await invitations.count_sent(tx.session, actor.org_id, actor.id, tx.now - DAY) >= per_day:
        raise InvitationLimit("You have invited too many people today.", limit=per_day)


def _send(tx: Tx, member: Membership, invitation: Invitation) -> None:
    """The fact makes notifications write the mail; the link is minted then, and in no answer (W1)."""
    tx.add(InvitationMail.of(invitation, tx.actor.id, tx.now))
    tx.publish(member_invited(member, invitation))
