"""Facts out about people themselves: their account, password and address; `published.py` has the other facts."""

from google.protobuf.message import Message

from chassis.tx import Fact
from execos.identity.v1.events_pb2 import (
    EmailVerificationRequested,
    EmailVerified,
    PasswordChanged,
    PasswordResetRequested,
    UserUpdated,
)
from identity.domain.accounts import Account
from identity.domain.mail_links import MailLink
from identity.published import user_snapshot


def user_updated(account: Account) -> Fact:
    """A person changed what is theirs."""
    return _about(account, UserUpdated(user=user_snapshot(account)))


def password_reset_requested(account: Account, link: MailLink) -> Fact:
    """Somebody wants a link to set a new password."""
    message = PasswordResetRequested(user_id=str(account.id), link_id=str(link.id))
    message.at.FromDatetime(link.created_at)
    return _about(account, message)


def email_verification_requested(account: Account, link: MailLink) -> Fact:
    """A mailbox gets a link to confirm an address, or the change to another one."""
    message = EmailVerificationRequested(user_id=str(account.id), link_id=str(link.id), kind=link.kind)
    message.at.FromDatetime(link.created_at)
    return _about(account, message)


def email_verified(account: Account) -> Fact:
    """A person has shown that their address is theirs."""
    message = EmailVerified(user_id=str(account.id))
    message.at.FromDatetime(account.updated_at)
    return _about(account, message)


def password_changed(account: Account) -> Fact:
    """A person has a new password."""
    message = PasswordChanged(user_id=str(account.id))
    message.at.FromDatetime(account.updated_at)
    return _about(account, message)


def _about(account: Account, message: Message) -> Fact:
    return Fact(message, account.id, account.version)
