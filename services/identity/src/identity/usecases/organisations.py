"""What can be done with an organisation: found it, change it, its legal profile and its policies."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from chassis.activity import changes_of
from chassis.auth import Actor
from chassis.errors import Limited, Unauthenticated
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.legal import LegalProfile
from identity.domain.members import Membership
from identity.domain.organisation_rows import OrganisationRows
from identity.domain.organisations import Organisation, free_slug, slug_of
from identity.domain.policies import Policies
from identity.domain.roles import Role
from identity.published import member_joined, organisation_created, organisation_updated, policies_changed
from identity.store import accounts, organisations

DAY = timedelta(days=1)


class OrganisationLimit(Limited):
    """Too many organisations by one person in a day."""

    retry_after_seconds = 3600


class Founded(NamedTuple):
    """A new organisation, its founder's membership and its first policies."""

    organisation: Organisation
    membership: Membership
    policies: Policies


async def create_organisation(tx: Tx, actor: Actor, name: str, slug: str | None, *, per_day: int) -> Founded:
    """A new organisation that the actor owns; OrganisationLimit after too many of theirs in a day."""
    account = await accounts.find_by_id(tx.session, actor.id) if actor.id else None
    if account is None:
        raise Unauthenticated("Only a person can found an organisation.")
    if await organisations.count_founded(tx.session, account.id, tx.now - DAY) >= per_day:
        raise OrganisationLimit("You have founded too many organisations today.", limit=per_day)
    return await found_organisation(tx, account, name, slug)


async def found_organisation(tx: Tx, founder: Account, name: str, slug: str | None) -> Founded:
    """An organisation with policies and its owner; from here on the transaction acts in the new organisation."""
    wanted = slug or slug_of(name)
    free = free_slug(wanted, await organisations.taken_slugs(tx.session, wanted))
    organisation = Organisation.found(name, free, by=founder.id, now=tx.now)
    policies = Policies.first(organisation.id, tx.now)
    membership = Membership.of(organisation.id, founder, Role.OWNER, tx.now)
    tx.actor = replace(tx.actor, org_id=organisation.id)
    tx.add(organisation)
    tx.record(organisation, "ORG_CREATE")
    tx.add(policies)
    tx.add(membership)
    tx.record(membership, "USER_CREATE")
    tx.publish(organisation_created(OrganisationRows(organisation, policies, None)))
    tx.publish(member_joined(membership))
    return Founded(organisation, membership, policies)


async def change_organisation(tx: Tx, actor: Actor, changes: dict[str, Any]) -> OrganisationRows:
    """The organisation with other values; nothing is said when nothing changed."""
    rows = await organisations.get(tx.session, actor.org_id, lock=True)
    tx.expect(rows.organisation)
    for name, value in changes.items():
        setattr(rows.organisation, name, value)
    if tx.record(rows.organisation, "UPDATE"):
        tx.publish(organisation_updated(rows))
    return rows


async def replace_legal(tx: Tx, actor: Actor, values: dict[str, Any]) -> LegalProfile:
    """The whole legal profile as given."""
    rows = await organisations.get(tx.session, actor.org_id, lock=True)
    legal = rows.legal or LegalProfile.of(actor.org_id, tx.now)
    tx.expect(legal)
    for name, value in values.items():
        setattr(legal, name, value)
    if rows.legal is None:
        tx.add(legal)
    if tx.record(legal, "UPDATE"):
        rows.organisation.touch(tx.now)
        tx.publish(organisation_updated(rows._replace(legal=legal)))
    return legal


async def replace_policies(
    tx: Tx, actor: Actor, values_over: Callable[[Policies], dict[str, Any]]
) -> Policies:
    """The policies as given over the stored ones; effective everywhere as soon as the fact arrives."""
    rows = await organisations.get(tx.session, actor.org_id, lock=True)
    tx.expect(rows.policies)
    rows.policies.replace(values_over(rows.policies), author_ip=tx.work.ip)
    _, changed = changes_of(rows.policies)
    if changed:
        tx.record(rows.policies, "POLICY_UPDATE")
        rows.organisation.touch(tx.now)
        tx.publish(policies_changed(rows))
    return rows.policies
