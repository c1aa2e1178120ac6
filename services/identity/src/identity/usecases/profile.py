"""What a person may change of themselves."""

from typing import Any

from chassis.auth import Actor
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.published import member_updated
from identity.published_accounts import user_updated
from identity.store import accounts, members
from identity.usecases.acting import acting_in
from identity.usecases.sessions import own_id


async def change_profile(tx: Tx, actor: Actor, changes: dict[str, Any]) -> Account:
    """Another name, zone or language; organisations that show the old name show the new one."""
    account = await accounts.get(tx.session, own_id(actor))
    tx.expect(account)
    before = account.name
    for name, value in changes.items():
        setattr(account, name, value)
    if tx.record(account, "UPDATE"):
        tx.publish(user_updated(account))
    if account.name != before:
        await _rename(tx, account, before)
    return account


async def _rename(tx: Tx, account: Account, before: str) -> None:
    for member in await members.list_of_person(tx.session, account.id):
        # An organisation that shows a name of its own choosing keeps it.
        if member.name == before:
            member.name = account.name
            with acting_in(tx, member.org_id):
                tx.record(member, "USER_UPDATE")
                tx.publish(member_updated(member))
