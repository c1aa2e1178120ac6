"""Doors of the platform about the invitations of a tenant; their links go to the mailboxes alone."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from chassis.http import API
from chassis.paging import CursorRows, PageRows, listing
from identity.domain.invitations import Invitation
from identity.http.guards import Desk, InSystemTx
from identity.http.invitations import InvitationIn, InvitationOut, InvitationQuery
from identity.http.platform_guards import InPlatformReading, platform_router
from identity.store import invitations, tenants
from identity.usecases.invitations import Guest, invite_member, resend_invitation, revoke_invitation
from identity.usecases.tenants import enter

tenant_invitations = platform_router("tenantInvitations")
INVITATIONS = "/platform/tenants/{tenant_id}/invitations"


@tenant_invitations.get(INVITATIONS, response_model=listing(InvitationOut))
async def search(
    tenant_id: UUID,
    query: Annotated[InvitationQuery, Depends(InvitationQuery.of)],
    tx: InPlatformReading,
) -> PageRows | CursorRows:
    """Its invitations, newest first."""
    await tenants.show(tx, tenant_id)
    return await invitations.list_page(tx, tenant_id, query, status=query.status)


@tenant_invitations.post(INVITATIONS, name="create", response_model=InvitationOut, status_code=201)
async def invite(
    tenant_id: UUID, body: InvitationIn, desk: Desk, tx: InSystemTx, response: Response
) -> Invitation:
    """Invite somebody by mail, in whatever role."""
    tx.expect((await enter(tx, tenant_id)).organisation)
    per_day = desk.settings.invitations_per_day
    invited = await invite_member(tx, tx.actor, Guest(body.email, body.role), per_day=per_day)
    response.headers["location"] = API + INVITATIONS.format(tenant_id=tenant_id)
    return invited.invitation


@tenant_invitations.post(f"{INVITATIONS}/{{invitation_id}}/resend", response_model=InvitationOut)
async def resend(tenant_id: UUID, invitation_id: UUID, desk: Desk, tx: InSystemTx) -> Invitation:
    """Send another mail; the link of the one before is void."""
    await enter(tx, tenant_id)
    per_day = desk.settings.invitations_per_day
    return await resend_invitation(tx, tx.actor, invitation_id, per_day=per_day)


@tenant_invitations.delete(f"{INVITATIONS}/{{invitation_id}}", status_code=204)
async def revoke(tenant_id: UUID, invitation_id: UUID, tx: InSystemTx) -> None:
    """Take an invitation back."""
    await enter(tx, tenant_id)
    await revoke_invitation(tx, tx.actor, invitation_id)
