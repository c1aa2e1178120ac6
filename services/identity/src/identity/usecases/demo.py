"""Demo data, made by the use cases that make everything else; what is there already stays as it is."""

from collections.abc import Sequence

from chassis.auth import system_actor
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.demo import (
    ORGANISATIONS,
    PASSWORD,
    PLATFORM_EMAIL,
    PLATFORM_PASSWORD,
    DemoOrganisation,
    DemoPerson,
)
from identity.domain.members import Membership
from identity.domain.roles import Role
from identity.published import member_joined
from identity.reception import Reception
from identity.store import accounts, members, organisations
from identity.usecases.organisations import change_organisation, found_organisation, replace_legal
from identity.usecases.platform_owners import make_owner


async def seed(reception: Reception) -> Sequence[str]:
    """Complete the demo organisations and their people, and the platform's owner; the slugs."""
    await make_owner(reception, PLATFORM_EMAIL, PLATFORM_PASSWORD)
    async with reception.passwords.turn():
        password_hash = await reception.passwords.hash(PASSWORD)
    for demo in ORGANISATIONS:
        async with reception.tx() as tx:
            await _complete(tx, demo, password_hash)
    return [demo.slug for demo in ORGANISATIONS]


async def _complete(tx: Tx, demo: DemoOrganisation, password_hash: str) -> None:
    found = await organisations.find_by_slug(tx.session, demo.slug)
    if found is None:
        owner = next(person for person in demo.people if person.role == Role.OWNER)
        account = await _account(tx, owner, password_hash)
        founded = await found_organisation(tx, account, demo.name, demo.slug)
        founded.membership.title = owner.title
        await tx.flush()
        await change_organisation(tx, tx.actor, {"time_zone": demo.time_zone, "locale": demo.locale})
        await replace_legal(tx, tx.actor, dict(demo.legal))
    else:
        tx.actor = system_actor(found.id)
    for person in demo.people:
        await _join(tx, person, password_hash)


async def _join(tx: Tx, person: DemoPerson, password_hash: str) -> None:
    account = await _account(tx, person, password_hash)
    if await members.find(tx.session, tx.actor.org_id, account.id) is not None:
        return
    member = Membership.of(tx.actor.org_id, account, person.role, tx.now)
    member.title = person.title
    tx.add(member)
    tx.record(member, "USER_CREATE")
    tx.publish(member_joined(member))


async def _account(tx: Tx, person: DemoPerson, password_hash: str) -> Account:
    wanted = Account.of(person.email, person.name, tx.now, password_hash=password_hash)
    wanted.email_verified_at = tx.now
    return await accounts.find_or_add(tx.session, wanted)
