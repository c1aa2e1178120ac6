"""What the platform does with a tenant: change it, let it work or not, archive it, switch its modules."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from chassis.activity import changes_of
from chassis.errors import Invalid
from chassis.tx import Tx
from identity.domain.organisation_rows import OrganisationRows
from identity.domain.permissions import OWNERS_ALONE
from identity.domain.roles import Role
from identity.published import (
    organisation_activated,
    organisation_archived,
    organisation_deactivated,
    organisation_updated,
)
from identity.store import organisations, tenants
from identity.usecases.modules import switch_module
from identity.usecases.organisations import change_organisation


async def enter(tx: Tx, org_id: UUID) -> OrganisationRows:
    """Act in a tenant from here on, as its owner may; what is done shows in its history. The organisation, locked."""
    rows = await organisations.get(tx.session, org_id, lock=True)
    scope = frozenset({"*", *OWNERS_ALONE})
    tx.actor = replace(tx.actor, org_id=org_id, role=Role.OWNER, scope=scope)
    tx.work.org_id = org_id
    return rows


async def change_tenant(tx: Tx, org_id: UUID, changes: dict[str, Any]) -> None:
    """Other values of the organisation."""
    await enter(tx, org_id)
    await change_organisation(tx, tx.actor, changes)


async def activate_tenant(tx: Tx, org_id: UUID) -> None:
    """Let its members work; a deletion that is not due yet is revoked."""
    rows = await _expected(tx, org_id)
    wanted = await tenants.get_wanted(tx.session, org_id)
    rows.organisation.activate(tx.now, is_complete=wanted is None or wanted.completed_at is not None)
    tx.record(rows.organisation, "ORG_ACTIVATE")
    is_active = rows.organisation.is_active
    tx.publish(organisation_activated(rows) if is_active else organisation_updated(rows))


async def deactivate_tenant(tx: Tx, org_id: UUID) -> None:
    """Let nobody in for now."""
    rows = await _expected(tx, org_id)
    rows.organisation.deactivate()
    tx.record(rows.organisation, "ORG_DEACTIVATE")
    tx.publish(organisation_deactivated(rows))


async def archive_tenant(tx: Tx, org_id: UUID) -> None:
    """Let nobody in any more and keep the data; archiving the archived changes nothing."""
    rows = await _expected(tx, org_id)
    rows.organisation.archive()
    _tell_archived(tx, rows)


async def schedule_deletion(tx: Tx, org_id: UUID, confirm: str) -> None:
    """Archive, and delete after the days of grace, until which the platform may revoke it.

    Invalid unless `confirm` is the slug. For the platform, and for the owner's own wish.
    """
    rows = await _expected(tx, org_id)
    if confirm != rows.organisation.slug:
        raise Invalid.field("confirm", "must be the slug of the organisation")
    rows.organisation.schedule_deletion(tx.now)
    _tell_archived(tx, rows)


async def apply_template(tx: Tx, org_id: UUID, template: str) -> None:
    """Switch on what a template has; applied twice it is as applied once."""
    rows = await _expected(tx, org_id)
    rows.organisation.switches = rows.organisation.switches.apply(template)
    if tx.record(rows.organisation, "UPDATE"):
        tx.publish(organisation_updated(rows))


async def switch_tenant_module(tx: Tx, org_id: UUID, code: str, *, is_enabled: bool) -> None:
    """Switch a module on or off, whatever the templates say; NotFound for one that there is not."""
    await enter(tx, org_id)
    await switch_module(tx, tx.actor, code, is_enabled=is_enabled)


async def _expected(tx: Tx, org_id: UUID) -> OrganisationRows:
    rows = await enter(tx, org_id)
    tx.expect(rows.organisation)
    return rows


def _tell_archived(tx: Tx, rows: OrganisationRows) -> None:
    if changes_of(rows.organisation)[1]:
        tx.record(rows.organisation, "ORG_ARCHIVE")
        tx.publish(organisation_archived(rows))
