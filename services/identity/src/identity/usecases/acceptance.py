"""Accepting an invitation: once, by whoever reads the mailbox, and never as somebody else (W1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chassis.auth import Actor
from chassis.errors import Invalid
from chassis.tx import Tx
from identity.domain.invitations import (
    Invitation,
    InvitationRevoked,
    InvitationUnknown,
    SignInRequired,
    WrongAccount,
)
from identity.domain.mail_links import LinkKind
from identity.domain.password_rules import PasswordRules
from identity.domain.seats import Seat
from identity.domain.sessions import Session
from identity.published import member_joined, user_registered
from identity.reception import Opened, Reception
from identity.store import accounts, invitations, organisations
from identity.usecases.addresses import confirm_email
from identity.usecases.members import tell_of_power
from identity.usecases.sign_in import start_session


@dataclass(frozen=True)
class Acceptance:
    """What somebody brings who follows the link of an invitation; `actor` is who is signed in, if anybody."""

    token: str
    wanted: frozenset[str]
    actor: Actor | None
    name: str | None = None
    password: str | None = None


class Offer(NamedTuple):
    """An invitation that can be accepted, and the seat it is for."""

    invitation: Invitation
    seat: Seat


class Accepted(NamedTuple):
    """A new member; tokens only for who had no account before."""

    org_id: UUID
    org_slug: str
    opened: Opened | None

    @property
    def access_token(self) -> str | None:
        """The access token, where there is one."""
        return self.opened.access_token if self.opened else None

    @property
    def expires_in(self) -> int | None:
        """How many seconds it is good for."""
        return self.opened.expires_in if self.opened else None


async def read_offer(reception: Reception, token: str, wanted: frozenset[str]) -> Offer:
    """What the link of an invitation offers; a refusal that says why when it offers nothing."""
    async with reception.tx() as tx:
        return await _find(tx, reception, token, wanted)


async def accept_invitation(reception: Reception, given: Acceptance) -> Accepted:
    """Join: a person who never signed in gets an account and is let in, everybody else joins as who they are."""
    offer = await read_offer(reception, given.token, given.wanted)
    password_hash = await _hash(reception, given, offer.seat)
    session = None
    async with reception.tx() as tx:
        invitation, seat = await _find(tx, reception, given.token, given.wanted)
        if (password_hash is None) != seat.account.is_claimed:
            raise SignInRequired("This address has an account by now; sign in to accept.")
        tx.actor = seat.actor
        tx.work.org_id, tx.work.actor_id = tx.actor.org_id, tx.actor.id
        name = given.name or invitation.name or seat.account.name
        if password_hash is not None:
            session = _register(tx, seat, name, password_hash)
        else:
            await confirm_email(tx, seat.account)  # the link came to its mailbox
        _join(tx, seat, invitation, name)
    opened = await _admit(reception, seat, session, tx.now) if session else None
    return Accepted(seat.organisation.id, seat.organisation.slug, opened)


async def _find(tx: Tx, reception: Reception, token: str, wanted: frozenset[str]) -> Offer:
    """The offer behind a link, with everything locked that changes when it is accepted."""
    link = reception.seals.read_mail_token(LinkKind.INVITATION, token)
    org_id = await invitations.find_organisation(tx.session, link.link_id) if link else None
    if link is None or org_id is None:
        raise InvitationUnknown("There is no such invitation.")
    await organisations.lock(tx.session, org_id)
    invitation = await invitations.get(tx.session, org_id, link.link_id)
    # Before the seat is read: two invitations of one new person must not both give them a password.
    await accounts.lock(tx.session, invitation.user_id)
    seat = await accounts.find_seat(tx, org_id, invitation.user_id)
    if seat is None or not seat.is_wanted(wanted):
        raise InvitationUnknown("There is no such invitation.")
    if not seat.account.is_active:
        raise InvitationRevoked("This invitation has been taken back.")
    seat.check_entry(tx.work.ip)
    invitation.check_usable(link.generation, seat.membership, tx.now)
    return Offer(invitation, seat)


async def _hash(reception: Reception, given: Acceptance, seat: Seat) -> str | None:
    """The hash of a new person's password; None for who has an account and is signed in with it."""
    if given.actor is not None and given.actor.id != seat.account.id:
        raise WrongAccount("Somebody else is signed in; accept as the person who was invited.")
    if seat.account.is_claimed:
        if given.actor is None:
            raise SignInRequired("This address has an account; sign in to accept.")
        if given.password is not None or given.name is not None:
            raise Invalid.field("password", "is not taken from who has an account")
        return None
    if given.password is None:
        raise Invalid.field("password", "is required")
    organisation = (seat.organisation.name, seat.policies.password_min_length)
    PasswordRules.of(seat.account.email, given.name or seat.account.name, [organisation]).check(
        given.password, "password"
    )
    async with reception.passwords.turn():
        return await reception.passwords.hash(given.password)


def _register(tx: Tx, seat: Seat, name: str, password_hash: str) -> Session:
    seat.account.claim(name, password_hash, tx.now)
    tx.record(seat.account, "REGISTER")
    tx.publish(user_registered(seat.account))
    return start_session(tx, seat)


def _join(tx: Tx, seat: Seat, invitation: Invitation, name: str) -> None:
    seat.membership.join(name, tx.now)
    tx.record(seat.membership, "USER_JOIN")
    invitation.accept(tx.now)
    tx.record(invitation, "ORG_INVITE_ACCEPTED")
    tx.publish(member_joined(seat.membership))
    tell_of_power(tx, seat.membership)


async def _admit(reception: Reception, seat: Seat, session: Session, now: datetime) -> Opened:
    mark = reception.seals.device_mark(seat.account.id)
    return await reception.admit(seat, session, now, device_mark=mark)
