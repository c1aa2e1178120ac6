"""What the platform does with the hosts that lead to a tenant."""

from collections.abc import Sequence
from uuid import UUID

from chassis.tx import Tx
from identity.domain.domains import Domain, HostTaken, check_host
from identity.published import domain_added, domain_removed
from identity.settings import IdentitySettings
from identity.store import domains
from identity.usecases.tenants import enter


async def add_domain(
    tx: Tx, settings: IdentitySettings, org_id: UUID, host: str, *, is_primary: bool
) -> Domain:
    """One host more; the first one is the primary in any case. HostTaken when another domain has it."""
    organisation = (await enter(tx, org_id)).organisation
    tx.expect(organisation)
    check_host(host, organisation.slug, root_domain=settings.root_domain, platform_host=settings.public_host)
    return await lead_here(tx, host, is_primary=is_primary)


async def lead_here(tx: Tx, host: str, *, is_primary: bool) -> Domain:
    """A host that leads to the organisation in which the transaction acts, whose lock it holds."""
    if await domains.is_taken(tx.session, host):
        raise HostTaken("This host is taken.")
    others = await domains.list_rows(tx.session, tx.actor.org_id)
    domain = Domain.of(tx.actor.org_id, host, tx.now, is_primary=is_primary or not others)
    if domain.is_primary:
        await _demote(tx, others)
    tx.add(domain)
    tx.record(domain, "DOMAIN_ADD")
    tx.publish(domain_added(domain))
    return domain


async def remove_domain(tx: Tx, org_id: UUID, domain_id: UUID) -> None:
    """The host leads here no more; where it was the primary one, the oldest other one is."""
    await enter(tx, org_id)
    domain = await domains.get(tx.session, org_id, domain_id)
    tx.expect(domain)
    was_primary, domain.is_primary = domain.is_primary, False
    tx.record(domain, "DOMAIN_REMOVE")
    tx.publish(domain_removed(domain))
    await tx.flush()
    await tx.session.delete(domain)
    await tx.flush()
    others = await domains.list_rows(tx.session, org_id)
    if was_primary and others:
        _promote(tx, others[0])


async def make_primary(tx: Tx, org_id: UUID, domain_id: UUID) -> Domain:
    """The host that links are made with."""
    await enter(tx, org_id)
    domain = await domains.get(tx.session, org_id, domain_id)
    tx.expect(domain)
    if not domain.is_primary:
        await _demote(tx, await domains.list_rows(tx.session, org_id))
        _promote(tx, domain)
    return domain


async def _demote(tx: Tx, others: Sequence[Domain]) -> None:
    for other in others:
        if other.is_primary:
            other.is_primary = False
            tx.record(other, "UPDATE")
    await tx.flush()  # before the next one: two at once are against the index


def _promote(tx: Tx, domain: Domain) -> None:
    domain.is_primary = True
    tx.record(domain, "UPDATE")
