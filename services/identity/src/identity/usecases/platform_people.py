"""What the platform does with a person: keep them out everywhere, and let them in again."""

from dataclasses import replace
from uuid import UUID

from chassis.errors import BadRequest, NotFound
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.members import MemberState
from identity.domain.sessions import EndReason
from identity.published import user_deactivated, user_updated
from identity.store import accounts, members, sessions
from identity.usecases.api_keys import revoke_keys_of
from identity.usecases.sessions import end_session
from identity.usecases.tenants import enter


async def disable_person(tx: Tx, org_id: UUID, user_id: UUID) -> None:
    """The person may sign in nowhere any more; their sessions and keys end at once, wherever they work."""
    account = await _lock(tx, org_id, user_id)
    if account.id == tx.actor.id:
        raise BadRequest("You cannot disable yourself.")
    if not account.is_active:
        return
    account.is_active = False
    await _tell(tx, account)


async def enable_person(tx: Tx, org_id: UUID, user_id: UUID) -> None:
    """The person may sign in again, wherever they are a member."""
    account = await _lock(tx, org_id, user_id)
    if not account.is_active:
        account.is_active = True
        await _tell(tx, account)


async def _lock(tx: Tx, org_id: UUID, user_id: UUID) -> Account:
    await enter(tx, org_id)
    member = await members.get(tx.session, org_id, user_id)
    tx.expect(member)
    account = await accounts.lock(tx.session, user_id)
    if account is None:
        raise NotFound("There is no such person.")
    return account


async def _tell(tx: Tx, account: Account) -> None:
    """Every organisation of the person's learns it: a person belongs to none of them."""
    account.version, account.updated_at = account.version + 1, tx.now
    for member in await members.list_of_person(tx.session, account.id):
        if member.status == MemberState.REMOVED:
            continue
        tx.actor = replace(tx.actor, org_id=member.org_id)
        action = "ACCOUNT_ENABLE" if account.is_active else "ACCOUNT_DISABLE"
        tx.note(member, action, {"isActive": account.is_active})
        tx.publish(user_updated(account) if account.is_active else user_deactivated(account))
        if not account.is_active:
            await revoke_keys_of(tx, member.org_id, account.id)
            for session in await sessions.lock_running(tx.session, member.org_id, account.id):
                end_session(tx, session, EndReason.DEACTIVATED, "SESSION_END")
