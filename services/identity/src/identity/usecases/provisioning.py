"""How a tenant comes to be: its row and policies, then step by step, each its own transaction and safe to repeat."""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from chassis.auth import system_actor
from chassis.errors import Kind, translate
from chassis.jobs import enqueue, reason_of
from chassis.tx import Tx
from identity.domain.domains import HostTaken, own_host
from identity.domain.modules import template_of
from identity.domain.organisation_rows import OrganisationRows
from identity.domain.organisations import Organisation, OrganisationState, SlugTaken
from identity.domain.policies import Policies
from identity.domain.provisioning import Provisioning, Step, Wanted
from identity.domain.roles import Role
from identity.published import (
    organisation_activated,
    organisation_created,
    organisation_updated,
)
from identity.reception import Reception
from identity.store import domains, organisations, tenants
from identity.usecases.domains import lead_here
from identity.usecases.invitations import Guest, invite_member
from identity.usecases.tenants import apply_template, enter

log = structlog.get_logger()

PROVISION = "provision"
"""The job that does the steps."""
CUT_SHORT_AFTER = timedelta(minutes=2)


class Registered(NamedTuple):
    """A tenant that was asked for, and whether this request was the first to do so."""

    org_id: UUID
    is_new: bool


async def register_tenant(tx: Tx, root_domain: str, wanted: Wanted) -> Registered:
    """The organisation's row and policies; a job does the rest. SlugTaken when others have the slug."""
    template_of(wanted.template)
    taken = await organisations.taken_slugs(tx.session, wanted.slug)
    if wanted.slug in taken:
        return Registered(await _same(tx, wanted), is_new=False)
    if root_domain and await domains.is_taken(tx.session, own_host(wanted.slug, root_domain)):
        raise HostTaken("The host of this slug is taken.")
    organisation = Organisation.provision(wanted.name, wanted.slug, tx.now)
    policies = Policies.first(organisation.id, tx.now)
    tx.actor = replace(tx.actor, org_id=organisation.id)
    tx.work.org_id = organisation.id
    tx.add(organisation)
    tx.record(organisation, "ORG_CREATE")
    tx.add(policies)
    tx.add(Provisioning.of(organisation.id, wanted, tx.now))
    tx.publish(organisation_created(OrganisationRows(organisation, policies, None)))
    await enqueue(tx, PROVISION, {})
    return Registered(organisation.id, is_new=True)


async def retry_provisioning(tx: Tx, org_id: UUID) -> None:
    """Do what is missing once more."""
    rows = await enter(tx, org_id)
    tx.expect(rows.organisation)
    rows.organisation.retry()
    tx.record(rows.organisation, "ORG_RETRY")
    tx.publish(organisation_updated(rows))
    await enqueue(tx, PROVISION, {})


async def provision(reception: Reception, org_id: UUID) -> None:
    """Do every step that is missing, then let the members in; what fails is kept for the platform to read."""
    try:
        while await _next_step(reception, org_id):
            pass
    except Exception as error:
        refused = translate(error, {})
        if refused is not None and refused.kind is Kind.UNAVAILABLE:
            raise  # the job comes again
        log.warning("provisioning.failed", tenant=str(org_id), exc_info=refused is None)
        await _fail(reception, org_id, reason_of(refused or error))


async def resume_provisioning(reception: Reception) -> None:
    """Go on with tenants whose run was cut short."""
    async with reception.tx() as tx:
        cut_short = await tenants.list_cut_short(tx.session, tx.now - CUT_SHORT_AFTER)
    for org_id in cut_short:
        await provision(reception, org_id)


async def _same(tx: Tx, wanted: Wanted) -> UUID:
    """The tenant that the same request has made before; SlugTaken when it is another one's."""
    organisation = await organisations.find_by_slug(tx.session, wanted.slug)
    known = await tenants.get_wanted(tx.session, organisation.id) if organisation else None
    if known is None or not known.is_for(wanted):
        raise SlugTaken("This slug is taken.")
    return known.org_id


async def _next_step(reception: Reception, org_id: UUID) -> bool:
    """One step in one transaction; False when there is none left."""
    root_domain = reception.settings.root_domain
    async with reception.source.tx(system_actor(org_id)) as tx:
        rows = await enter(tx, org_id)
        wanted = await tenants.get_wanted(tx.session, org_id)
        if rows.organisation.status != OrganisationState.PROVISIONING or wanted is None:
            return False
        progress = await tenants.progress(tx, org_id, has_hosts=bool(root_domain))
        match next(iter(progress.missing), None):
            case Step.TEMPLATE:
                await apply_template(tx, org_id, wanted.template)
            case Step.DOMAIN:
                await lead_here(tx, own_host(rows.organisation.slug, root_domain), is_primary=True)
            case Step.INVITATION:
                guest = Guest(wanted.owner_email, Role.OWNER)
                await invite_member(tx, tx.actor, guest, per_day=reception.settings.invitations_per_day)
            case None:
                _complete(tx, rows, wanted)
                return False
    return True


def _complete(tx: Tx, rows: OrganisationRows, wanted: Provisioning) -> None:
    wanted.completed_at = tx.now
    rows.organisation.activate(tx.now, is_complete=True)
    tx.record(rows.organisation, "ORG_ACTIVATE")
    tx.publish(organisation_activated(rows))


async def _fail(reception: Reception, org_id: UUID, reason: str) -> None:
    async with reception.source.tx(system_actor(org_id)) as tx:
        rows = await enter(tx, org_id)
        if rows.organisation.status == OrganisationState.PROVISIONING:
            rows.organisation.fail(reason)
            tx.record(rows.organisation, "ORG_FAIL")
            tx.publish(organisation_updated(rows))
