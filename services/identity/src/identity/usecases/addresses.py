"""Showing that an e-mail address is one's own, and changing it with the consent of its mailboxes."""

from collections.abc import Sequence
from uuid import UUID

from chassis.auth import Actor, ActorKind, system_actor
from chassis.errors import Denied, Invalid, Limited, NotFound
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.mail_links import LinkKind, MailLink
from identity.domain.members import Membership, MemberState
from identity.published import member_updated
from identity.published_accounts import email_verification_requested, email_verified, user_updated
from identity.reception import Reception
from identity.store import accounts, members
from identity.usecases.acting import act_as, acting_in
from identity.usecases.credentials import Credentials, confirm
from identity.usecases.mail_links import DEAD, find_owner, issue, use, void
from identity.usecases.security_events import raise_event
from identity.usecases.sessions import lock_current, own_id

CONFIRMING = (LinkKind.EMAIL_VERIFICATION, LinkKind.EMAIL_CHANGE)


class TooManyMails(Limited):
    """A person asked for the same mail too often."""

    retry_after_seconds = 3600

    def __init__(self) -> None:
        super().__init__("You were sent too many of these mails; look into your mailbox, or try again later.")


async def request_verification(tx: Tx, account: Account, link: MailLink) -> bool:
    """Have the mail sent that asks a person, whom the caller has locked, to confirm; False after too many of them."""
    if not await issue(tx, link):
        return False
    tx.note(account, "EMAIL_VERIFICATION_REQUEST", {"email": account.email})
    tx.publish(email_verification_requested(account, link))
    return True


async def mail_verification(reception: Reception, org_id: UUID, user_id: UUID) -> None:
    """The same for somebody who is refused because they have not confirmed; too often is passed over."""
    async with reception.tx() as tx:
        act_as(tx, system_actor(org_id))
        account = await accounts.get(tx.session, user_id)
        if account.email_verified_at is None:
            link = MailLink.of(LinkKind.EMAIL_VERIFICATION, account, org_id, tx.now)
            await request_verification(tx, account, link)


async def resend_verification(reception: Reception, actor: Actor) -> None:
    """Another mail for who is signed in; nothing when the address is confirmed, TooManyMails after five in an hour."""
    if actor.kind is not ActorKind.USER:
        raise Denied("Only a person can do this.")
    async with reception.tx() as tx:
        act_as(tx, actor)
        account = await accounts.get(tx.session, own_id(actor))
        await lock_current(tx, actor)
        if account.email_verified_at is not None:
            return
        link = MailLink.of(LinkKind.EMAIL_VERIFICATION, account, actor.org_id, tx.now)
        if not await request_verification(tx, account, link):
            raise TooManyMails


async def verify_email(reception: Reception, token: str) -> None:
    """Use the link of a mailbox: its address is confirmed, or it agrees to the change; NotFound when it is dead."""
    found = [await find_owner(reception, kind, token) for kind in CONFIRMING]
    link_id, user_id = next((each for each in found if each), (None, None))
    if link_id is None or user_id is None:
        raise NotFound(DEAD)
    async with reception.tx() as tx:
        account = await accounts.get(tx.session, user_id)
        link, others = await use(tx, account, link_id)
        if link.kind == LinkKind.EMAIL_VERIFICATION:
            await confirm_email(tx, account)
        else:
            await _agree(tx, account, link, [each for each in others if each.kind == link.kind])


async def confirm_email(tx: Tx, account: Account) -> None:
    """Note that a person has received a mail at their address."""
    await void(tx, account, LinkKind.EMAIL_VERIFICATION)
    if account.confirm_email(tx.now):
        tx.record(account, "EMAIL_VERIFY")
        tx.publish(email_verified(account))


async def change_email(
    reception: Reception, actor: Actor, new_email: str, password: str, device_mark: str | None
) -> None:
    """Mail a link to the present and to the wanted address; Invalid when the password is not right or nothing changes.

    A present address that was never confirmed gets its mail as a warning only (`_agree`).

    Whether somebody has the wanted address is not told: nothing here looks, and of such a link no mail is minted.
    """
    async with reception.passwords.turn():
        email = await current_email(reception, actor)
        await confirm(reception, Credentials(email, password, frozenset(), device_mark), "password")
    async with reception.tx() as tx:
        act_as(tx, actor)
        account = await accounts.get(tx.session, own_id(actor))
        await lock_current(tx, actor)
        if account.email == new_email:
            raise Invalid.field("newEmail", "is your address already")
        await _ask_both(tx, account, new_email)
        tx.note(account, "EMAIL_CHANGE_REQUEST", {"newEmail": new_email})


async def current_email(reception: Reception, actor: Actor) -> str:
    """The address of who acts, as it is now: a token may be older than the last change."""
    async with reception.tx() as tx:
        account = await accounts.find_by_id(tx.session, own_id(actor))
    if account is None:
        raise NotFound("There is no such person.")
    return account.email


async def _ask_both(tx: Tx, account: Account, new_email: str) -> None:
    """A link for each of the two mailboxes; those of an earlier change are void."""
    await void(tx, account, LinkKind.EMAIL_CHANGE)
    for mailbox in (account.email, new_email):
        link = MailLink.of(LinkKind.EMAIL_CHANGE, account, tx.actor.org_id, tx.now, mailbox=mailbox)
        link.new_email = new_email
        if not await issue(tx, link):
            raise TooManyMails
        tx.publish(email_verification_requested(account, link))


async def _agree(tx: Tx, account: Account, link: MailLink, others: list[MailLink]) -> None:
    """One mailbox agrees; with the last one that has to, the address changes, everywhere it is shown."""
    new_email = str(link.new_email)
    tx.note(account, "EMAIL_CHANGE_CONFIRM", {"newEmail": new_email})
    memberships = await members.list_of_person(tx.session, account.id)
    needed = {new_email} if _is_nobodys(account, memberships) else {new_email, account.email}
    agreed = {each.email for each in (link, *others) if each.used_at and each.new_email == new_email}
    if needed <= agreed:
        await _move(tx, account, memberships, new_email)


def _is_nobodys(account: Account, memberships: Sequence[Membership]) -> bool:
    """Whether the present address needs no asking: never confirmed, and nobody waits there for who reads it."""
    is_invited = any(each.status == MemberState.INVITED for each in memberships)
    return account.email_verified_at is None and not is_invited


async def _move(tx: Tx, account: Account, memberships: Sequence[Membership], new_email: str) -> None:
    former_email = account.email
    await void(tx, account, *LinkKind)
    account.email, account.email_verified_at = new_email, tx.now
    tx.record(account, "EMAIL_CHANGE")
    tx.publish(user_updated(account))
    tx.publish(email_verified(account))
    what = "The e-mail address to sign in with was changed."
    raise_event(tx, "EMAIL_CHANGED", "MEDIUM", what, user_id=account.id, former_email=former_email)
    for member in memberships:
        member.email = account.email
        with acting_in(tx, member.org_id):
            tx.record(member, "USER_UPDATE")
            tx.publish(member_updated(member))
