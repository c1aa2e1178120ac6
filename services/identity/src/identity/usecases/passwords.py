"""Setting a password: changed by who knows the present one, or reset by who reads the mailbox."""

from typing import NamedTuple
from uuid import UUID

import structlog

from chassis.auth import Actor, system_actor
from chassis.errors import Denied, Invalid, NotFound
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.mail_links import LinkKind
from identity.domain.password_rules import PasswordRules
from identity.domain.sessions import EndReason
from identity.platform_tokens import PlatformToken, issue
from identity.published_accounts import email_verified, password_changed
from identity.reception import NOBODY, Reception
from identity.store import accounts, login_attempts
from identity.usecases.acting import act_as
from identity.usecases.addresses import current_email
from identity.usecases.credentials import NOT_RIGHT, Caller, Credentials, confirm
from identity.usecases.mail_links import DEAD, find_owner, use, void
from identity.usecases.second_step import forget_factors
from identity.usecases.security_events import raise_event
from identity.usecases.sessions import end_others, lock_current, own_id

log = structlog.get_logger()


class Change(NamedTuple):
    """The hash of a new password, and who has shown that they know the present one."""

    caller: Caller
    password_hash: str

    def make(self, account: Account) -> None:
        """Give it to the person, whom the caller has locked; Invalid when they got another one meanwhile."""
        if account.password_hash != self.caller.password_hash:
            raise Invalid.field("currentPassword", NOT_RIGHT)
        account.password_hash = self.password_hash


async def change_password(
    reception: Reception, actor: Actor, present: str, wanted: str, device_mark: str | None
) -> None:
    """Another password for who is signed in; their other sessions end.

    Invalid when the present one is not right (which costs attempts as signing in does) or the wanted one breaks a rule.
    """
    change = await _prepare(reception, actor, present, wanted, device_mark)
    async with reception.tx() as tx:
        act_as(tx, actor)
        account = await accounts.get(tx.session, own_id(actor))
        await lock_current(tx, actor)
        change.make(account)
        tx.record(account, "PASSWORD_CHANGE")
        await _settle(tx, account, actor)
        await _forgive(tx, [change.caller.bucket])


async def change_owner_password(
    reception: Reception, actor: Actor, present: str, wanted: str
) -> PlatformToken:
    """The same for who owns the platform and need not belong to any organisation, in which it could be told.

    A new token, because those that were made with the old password are void. Denied with the bootstrap token.
    """
    if actor.id == NOBODY:
        raise Denied("Only who owns the platform has a password.")
    change = await _prepare(reception, actor, present, wanted, None)
    async with reception.tx() as tx:
        tx.actor = actor
        account = await accounts.get(tx.session, own_id(actor))
        change.make(account)
        await void(tx, account, LinkKind.PASSWORD_RESET, LinkKind.EMAIL_CHANGE)
        await end_others(tx, actor, EndReason.PASSWORD_CHANGED)
        await _forgive(tx, [change.caller.bucket])
    log.info("platform.password_changed", user_id=str(account.id))
    return await issue(reception, account.id, account.name, change.password_hash, tx.now)


async def reset_password(reception: Reception, token: str, wanted: str, device_mark: str | None) -> None:
    """A new password by the link of a mail, which also shows whose the mailbox is; every session ends.

    NotFound when the link is dead, Invalid when the password breaks a rule; the link can be used again then.
    """
    found = await find_owner(reception, LinkKind.PASSWORD_RESET, token)
    if found is None:
        raise NotFound(DEAD)
    link_id, user_id = found
    (await _rules(reception, user_id)).check(wanted, "newPassword")
    async with reception.passwords.turn():
        password_hash = await reception.passwords.hash(wanted)
    async with reception.tx() as tx:
        account = await accounts.get(tx.session, user_id)
        await use(tx, account, link_id)
        account.password_hash = password_hash
        is_confirmed = account.confirm_email(tx.now)
        tx.record(account, "PASSWORD_RESET")
        await _settle(tx, account, tx.actor)
        if is_confirmed:
            tx.publish(email_verified(account))
            await forget_factors(tx, account.id)
        device_id = reception.seals.read_device_mark(device_mark, user_id) if device_mark else None
        devices = {None, device_id}
        await _forgive(tx, [reception.seals.bucket(account.email, each) for each in devices])


async def _prepare(
    reception: Reception, actor: Actor, present: str, wanted: str, device_mark: str | None
) -> Change:
    (await _rules(reception, own_id(actor))).check(wanted, "newPassword")
    async with reception.passwords.turn():
        given = Credentials(await current_email(reception, actor), present, frozenset(), device_mark)
        caller = await confirm(reception, given, "currentPassword")
        return Change(caller, await reception.passwords.hash(wanted))


async def _settle(tx: Tx, account: Account, actor: Actor) -> None:
    """What a new password ends and tells: other sessions, links that were asked for under the old one."""
    tx.publish(password_changed(account))
    what = "The password was changed; other sessions were ended."
    raise_event(tx, "PASSWORD_CHANGED", "LOW", what, user_id=account.id)
    await void(tx, account, LinkKind.PASSWORD_RESET, LinkKind.EMAIL_CHANGE)
    await end_others(tx, actor, EndReason.PASSWORD_CHANGED)


async def _forgive(tx: Tx, buckets: list[bytes]) -> None:
    for bucket in sorted(buckets):
        (await login_attempts.lock(tx, bucket, tx.now)).forgive(tx.now)


async def _rules(reception: Reception, user_id: UUID) -> PasswordRules:
    async with reception.source.reading(system_actor(NOBODY)) as reading:
        return await accounts.password_rules(reading, user_id)
