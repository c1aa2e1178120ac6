"""Signing up: a person and their first organisation at once."""

from dataclasses import dataclass, replace

from chassis.auth import Actor, ActorKind
from chassis.errors import Denied, Limited
from chassis.tx import Tx
from identity.domain.accounts import Account, EmailTaken
from identity.domain.login_attempts import neighbourhood
from identity.domain.mail_links import LinkKind, MailLink
from identity.domain.password_rules import PasswordRules
from identity.domain.seats import Seat
from identity.published import user_registered
from identity.reception import NOBODY, Opened, Reception
from identity.store import accounts, login_attempts
from identity.usecases.addresses import request_verification
from identity.usecases.organisations import found_organisation
from identity.usecases.sign_in import start_session


class SignupDisabled(Denied):
    """This deployment makes accounts by invitation only."""

    reason = "SIGNUP_DISABLED"


class TooManySignUps(Limited):
    """Too many people signed up from one address."""

    retry_after_seconds = 900


@dataclass(frozen=True)
class Newcomer:
    """Who wants an account, and the organisation they found with it."""

    name: str
    email: str
    password: str
    organisation: str
    slug: str | None


async def sign_up(reception: Reception, newcomer: Newcomer) -> Opened:
    """Tokens for a new person who owns a new organisation; a mail asks them to confirm their address.

    Raises SignupDisabled, TooManySignUps, EmailTaken, and Invalid when the password breaks a rule.
    """
    if not reception.settings.is_signup_open:
        raise SignupDisabled("Accounts are made by invitation here.")
    rules = PasswordRules.of(newcomer.email, newcomer.name)
    rules.including(newcomer.organisation).check(newcomer.password, "password")
    await _spend_attempt(reception)
    async with reception.passwords.turn():
        password_hash = await reception.passwords.hash(newcomer.password)
    async with reception.tx() as tx:
        account = await _claim(tx, newcomer, password_hash)
        seat = await _found(tx, account, newcomer)
        session = start_session(tx, seat)
        link = MailLink.of(LinkKind.EMAIL_VERIFICATION, account, seat.organisation.id, tx.now)
        await request_verification(tx, account, link)
    mark = reception.seals.device_mark(account.id)
    return await reception.admit(seat, session, tx.now, device_mark=mark)


async def _spend_attempt(reception: Reception) -> None:
    """One sign-up from the budget of the client's address, committed before any hashing."""
    async with reception.tx() as tx:
        bucket = reception.seals.sign_up_bucket(neighbourhood(tx.work.ip or ""))
        attempts = await login_attempts.lock(tx, bucket, tx.now)
        is_free = attempts.spend(tx.now, free=reception.settings.sign_ups_per_address)
    if not is_free:
        raise TooManySignUps("Too many people have signed up from here; try again later.")


async def _claim(tx: Tx, newcomer: Newcomer, password_hash: str) -> Account:
    """The account that is to be the newcomer's.

    That an address is taken has to be said: who signs up is let in at once, so no answer could hide it, and the budget
    keeps anybody from asking for many. Somebody who was only invited has no way in yet and may take the account over;
    the invitation itself stays in the mailbox, so that who does not read it gets nothing by this.
    """
    account = await accounts.find_by_email(tx.session, newcomer.email)
    if account is None:
        account = Account.of(newcomer.email, newcomer.name, tx.now, password_hash=password_hash)
        tx.add(account)
    elif account.is_active and not account.is_claimed:
        account.name, account.password_hash = newcomer.name, password_hash
    else:
        raise EmailTaken("There is an account with this address; sign in, or set a new password.")
    return account


async def _found(tx: Tx, account: Account, newcomer: Newcomer) -> Seat:
    tx.actor = Actor(ActorKind.USER, account.id, NOBODY, account.name, account.email)
    founded = await found_organisation(tx, account, newcomer.organisation, newcomer.slug)
    tx.actor = replace(tx.actor, role=founded.membership.role)
    tx.note(account, "SIGN_UP", {"name": account.name, "email": account.email})
    tx.publish(user_registered(account))
    return Seat(account, founded.membership, founded.organisation, founded.policies)
