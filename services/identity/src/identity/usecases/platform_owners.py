"""Who owns the platform: the first owner comes with the settings, and signs in with a password like anybody."""

import hmac
from typing import NamedTuple
from uuid import UUID

import structlog

from chassis.errors import Unauthenticated
from chassis.metrics import login_failures
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.second_factors import SecondFactorMissing, WrongSecondFactor
from identity.platform_tokens import SETUP, PlatformToken, bootstrap_token, issue
from identity.reception import NOBODY, Reception
from identity.store import accounts, login_attempts, platform_owners, second_factors
from identity.usecases.credentials import give_back
from identity.usecases.second_step import accept_code

log = structlog.get_logger()

OWNER_NAME = "Platform owner"
REFUSED = "The e-mail address or the password is not right, or there were too many attempts."


class Candidate(NamedTuple):
    """Who the credentials may belong to: read before the password is looked at."""

    user_id: UUID
    name: str
    password_hash: str | None
    bucket: bytes
    is_free: bool


class Given(NamedTuple):
    """What somebody brings who says that they own the platform."""

    email: str
    password: str
    totp: str | None = None


async def sign_in_with_password(reception: Reception, given: Given) -> PlatformToken:
    """A platform token for the right password of an owner; the same Unauthenticated for everything else.

    SecondFactorMissing when the password is right and the owner has a second factor, whose code is asked for too.
    """
    async with reception.passwords.turn():
        found = await _spend_attempt(reception, given.email)
        stored = found.password_hash if found.is_free else None
        verdict = await reception.passwords.verify(given.password, stored)
        if verdict.is_right:
            try:
                return await _admit(reception, found, given.totp, verdict.upgraded)
            except SecondFactorMissing:
                await give_back(reception, found.bucket)
                raise
            except WrongSecondFactor:
                pass  # counted and answered like a wrong password
    login_failures.labels("platform").inc()
    log.warning("platform.sign_in_refused", user_id=str(found.user_id) if found.user_id != NOBODY else None)
    raise Unauthenticated(REFUSED)


async def sign_in_with_bootstrap_token(reception: Reception, given: str) -> PlatformToken:
    """A platform token for the bootstrap token, until there is an owner; the same Unauthenticated afterwards."""
    async with reception.tx() as tx:
        expected = await bootstrap_token(reception, tx)
    if expected is None or not hmac.compare_digest(given.encode(), expected.encode()):
        login_failures.labels("platform").inc()
        raise Unauthenticated(REFUSED)
    return await issue(reception, NOBODY, SETUP, expected, reception.source.clock())


async def ensure_first_owner(reception: Reception) -> None:
    """At the first start: the owner that the settings name; never again once the platform has had one."""
    settings = reception.settings
    if settings.first_owner_email is None or settings.first_owner_password is None:
        return
    async with reception.tx() as tx:
        if await platform_owners.is_there_any(tx):
            return
    await make_owner(reception, settings.first_owner_email, settings.first_owner_password.get_secret_value())


async def restore_first_owner(reception: Reception) -> bool:
    """Give the platform owner that the settings name the password of the settings, and let them in again.

    For whoever runs the deployment: no link can be mailed to an owner who belongs to no organisation. False when the
    settings name no platform owner.
    """
    settings = reception.settings
    if settings.first_owner_email is None or settings.first_owner_password is None:
        return False
    async with reception.passwords.turn():
        password_hash = await reception.passwords.hash(settings.first_owner_password.get_secret_value())
    async with reception.tx() as tx:
        account = await accounts.find_by_email(tx.session, settings.first_owner_email)
        if account is None or not account.is_platform_owner:
            return False
        account.password_hash, account.is_active = password_hash, True
    log.warning("platform.owner_restored", user_id=str(account.id))
    return True


async def make_owner(reception: Reception, email: str, password: str) -> None:
    """A platform owner with that password; nobody who has an account already becomes one by that."""
    async with reception.passwords.turn():
        password_hash = await reception.passwords.hash(password)
    async with reception.tx() as tx:
        person = Account.of(email, OWNER_NAME, tx.now, password_hash=password_hash)
        person.is_platform_owner = True
        account = await accounts.find_or_add(tx.session, person)
    if not account.is_platform_owner:
        log.error("platform.owner_not_made", reason="somebody else has the address")
    elif account.id == person.id:
        log.info("platform.owner_made", user_id=str(account.id))


async def _spend_attempt(reception: Reception, email: str) -> Candidate:
    """Take one attempt from the budget of the address, which is the same at every door, before any hashing."""
    async with reception.tx() as tx:
        owner = await platform_owners.find_by_email(tx, email)
        bucket = reception.seals.bucket(email, None)
        attempts = await login_attempts.lock(tx, bucket, tx.now)
        is_free = attempts.spend(tx.now)
    if owner is None:
        return Candidate(NOBODY, "", None, bucket, is_free)
    return Candidate(owner.id, owner.name, owner.password_hash, bucket, is_free)


async def _admit(
    reception: Reception, found: Candidate, totp: str | None, upgraded: str | None
) -> PlatformToken:
    async with reception.tx() as tx:
        account = await accounts.lock(tx.session, found.user_id)
        if account is None or not account.is_active or account.password_hash != found.password_hash:
            raise Unauthenticated(REFUSED)  # disabled, or another password while this one was being compared
        await _prove(tx, reception, account.id, totp)
        account.last_login_at = tx.now
        account.password_hash = upgraded or account.password_hash
        (await login_attempts.lock(tx, found.bucket, tx.now)).forgive(tx.now)
    log.info("platform.signed_in", user_id=str(account.id))
    return await issue(reception, account.id, account.name, account.password_hash or "", tx.now)


async def _prove(tx: Tx, reception: Reception, user_id: UUID, totp: str | None) -> None:
    """Whoever has a second factor of any kind gives the code of their app here; the caller has locked the person."""
    if not (await second_factors.methods_of(tx, user_id)).factors:
        return
    if totp is None:
        raise SecondFactorMissing("Give the code of your authenticator app too.", methods=["totp"])
    if not await accept_code(tx, reception, user_id, totp):
        raise WrongSecondFactor("The second factor is not right.")
