"""Signing in with an OpenID provider: what a browser begins, what a provider vouches for, whom that lets in."""

import secrets
from uuid import UUID

from chassis.tx import Tx
from identity.domain.accounts import Account, normal_email
from identity.domain.external_identities import ExternalIdentity, NotAdmitted, Vouched
from identity.domain.mail_links import LinkKind
from identity.domain.oidc_states import STATE_LIFETIME, Begun, OidcState, SignInLost, fingerprint
from identity.domain.seats import Seat, choose
from identity.domain.sessions import EndReason
from identity.reception import Opened, Reception
from identity.store import accounts, external_identities, oidc_states
from identity.usecases.acting import act_as
from identity.usecases.addresses import confirm_email
from identity.usecases.mail_links import void
from identity.usecases.second_step import forget_factors
from identity.usecases.security_events import raise_event
from identity.usecases.sessions import end_others
from identity.usecases.sign_in import enter

SECRET_BYTES = 32
LINKED = "An account was linked with an OpenID provider; from now on that provider signs the person in."
TAKEN_BACK = (
    "The account had a password although its address was never confirmed: password and sessions have ended."
)


async def begin_sign_in(
    reception: Reception, provider: str, org_slug: str | None, return_to: str, browser: str | None
) -> Begun:
    """A sign-in that waits for a provider's answer; a browser that has begun one before keeps its mark."""
    state, browser = secrets.token_urlsafe(SECRET_BYTES), browser or secrets.token_urlsafe(SECRET_BYTES)
    async with reception.tx() as tx:
        row = OidcState(
            state_hash=fingerprint(state),
            browser_hash=fingerprint(browser),
            provider=provider,
            nonce=secrets.token_urlsafe(SECRET_BYTES),
            code_verifier=secrets.token_urlsafe(SECRET_BYTES),
            org_slug=org_slug,
            return_to=return_to,
            expires_at=tx.now + STATE_LIFETIME,
        )
        tx.add(row)
    return Begun(state, browser, row)


async def take_sign_in(
    reception: Reception, provider: str, state: str | None, browser: str | None
) -> OidcState:
    """The sign-in that an answer belongs to; committed at once, so that `state` is good once whatever comes then."""
    if not state or not browser:
        raise SignInLost("Begin again.")
    async with reception.tx() as tx:
        begun = await oidc_states.take(tx.session, fingerprint(state), fingerprint(browser), provider, tx.now)
    if begun is None:
        raise SignInLost("Begin again.")
    return begun


async def admit_vouched(
    reception: Reception, begun: OidcState, vouched: Vouched, device_mark: str | None
) -> Opened:
    """Tokens for the person a provider vouches for.

    NotAdmitted for everybody who is not known and let in here; where they are, what else a login refuses.
    """
    async with reception.tx() as tx:
        identity, account = await _recognise(tx, vouched)
        seat = await _choose_seat(tx, account, begun)
        act_as(tx, seat.actor)
        if identity is None:
            await _link(tx, seat, vouched)
        else:
            identity.last_used_at = tx.now
        seat.check_inside(tx.work.ip)
        device_id = reception.seals.read_device_mark(device_mark, account.id) if device_mark else None
        how = {"method": "oidc", "provider": vouched.provider}
        session = enter(tx, seat, device_id, is_strong=vouched.is_multi_factor, how=how)
    mark = reception.seals.device_mark(account.id, device_id)
    return await reception.admit(seat, session, tx.now, device_mark=mark)


async def unlink_identity(tx: Tx, user_id: UUID, identity_id: UUID) -> None:
    """The provider does not sign the person in any more; NotFound when the identity is not theirs."""
    await accounts.get(tx.session, user_id)
    identity = await external_identities.get(tx.session, user_id, identity_id)
    tx.expect(identity)
    tx.note(identity, "IDENTITY_UNLINKED", {"provider": identity.provider})
    await tx.session.delete(identity)


async def _recognise(tx: Tx, vouched: Vouched) -> tuple[ExternalIdentity | None, Account]:
    """Whom the provider means: by its subject, or the first time by an address that it has confirmed."""
    user_id = await external_identities.find_person(tx.session, vouched.provider, vouched.subject)
    if user_id is not None:
        account = await accounts.lock(tx.session, user_id)
    elif vouched.email is not None and vouched.is_email_verified:
        account = await accounts.find_by_email(tx.session, normal_email(vouched.email))
    else:
        account = None
    if account is None:
        raise NotAdmitted
    # Read under the lock: at this moment the same person may be signing in for the first time too, or unlinking it.
    identity = await external_identities.find_at(tx.session, vouched.provider, account.id)
    if identity is None and user_id is not None:
        raise NotAdmitted
    if identity is not None and identity.subject != vouched.subject:
        raise NotAdmitted
    return identity, account


async def _choose_seat(tx: Tx, account: Account, begun: OidcState) -> Seat:
    candidates = await accounts.list_candidates(tx, account.email)
    org_id = choose(candidates, begun.wanted, account.last_org_id)
    seat = await accounts.find_seat(tx, org_id, account.id) if org_id else None
    if seat is None or not seat.is_open:
        raise NotAdmitted
    return seat


async def _link(tx: Tx, seat: Seat, vouched: Vouched) -> None:
    """Remember the provider's subject: from now on the address is known to be this person's."""
    account = seat.account
    is_taken_back = await _take_back(tx, account)
    await confirm_email(tx, account)
    identity = ExternalIdentity.of(account.id, account.email, vouched, tx.now)
    tx.add(identity)
    tx.record(identity, "IDENTITY_LINKED")
    severity = "HIGH" if is_taken_back else "LOW"
    what = f"{LINKED} {TAKEN_BACK}" if is_taken_back else LINKED
    raise_event(tx, "IDENTITY_LINKED", severity, what, user_id=account.id)


async def _take_back(tx: Tx, account: Account) -> bool:
    """End what somebody set up for an address that they never showed to be theirs (pre-hijacking)."""
    if account.email_verified_at is not None or account.password_hash is None:
        return False
    await forget_factors(tx, account.id)
    account.password_hash = None
    await void(tx, account, LinkKind.PASSWORD_RESET, LinkKind.EMAIL_CHANGE)
    await end_others(tx, tx.actor, EndReason.PASSWORD_CHANGED)
    return True
