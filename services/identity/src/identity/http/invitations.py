"""Doors about invitations: for those who invite, and for those who follow a link."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Path, Response
from pydantic import ConfigDict, Field

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import API, router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.routing import public
from chassis.schema import In, Instant, Out
from identity.domain.invitations import Invitation, InvitationState, masked
from identity.domain.permissions import Permission
from identity.http import cookies
from identity.http.auth import REFUSED
from identity.http.guards import Desk, InSystemTx, Sender, Tenant
from identity.http.people import MayManageUsers
from identity.http.shapes import Email, Password, PersonName, RoleKey
from identity.store import invitations as store
from identity.usecases.acceptance import Acceptance, Accepted, Offer, accept_invitation, read_offer
from identity.usecases.invitations import Guest, invite_member, resend_invitation, revoke_invitation

invitations = router("invitations")
offers = router("auth")

MayRead = Annotated[Actor, Depends(Requires(Permission.USERS_READ))]
Token = Annotated[str, Path(max_length=256)]


class InvitationIn(In):
    """Whom to invite."""

    email: Email
    role: RoleKey


class InvitationOut(Out):
    """An invitation; its link goes to the mailbox alone."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    user_id: UUID
    email: str
    name: str | None
    role: str
    status: InvitationState
    expires_at: Instant
    accepted_at: Instant | None
    invited_by_user_id: UUID | None


class InvitationQuery(PageQuery):
    """Query parameters of the list of invitations."""

    sort_by: Literal["createdAt", "email", "expiresAt"] = "createdAt"
    status: InvitationState | None = None


class OfferOut(Out):
    """What a link offers, for the page that it leads to."""

    email: str = Field(description="Masked: who has the mailbox knows it.")
    organisation: str
    role: str
    expires_at: Instant
    needs_account: bool

    @classmethod
    def of(cls, offer: Offer) -> "OfferOut":
        """What strangers who got hold of the link may see of it."""
        return cls(
            email=masked(offer.seat.account.email),
            organisation=offer.seat.organisation.name,
            role=offer.seat.membership.role,
            expires_at=offer.invitation.expires_at,
            needs_account=not offer.seat.account.is_claimed,
        )


class AcceptanceIn(In):
    """For who has no account yet; a password is taken as it is, edge spaces included."""

    model_config = ConfigDict(str_strip_whitespace=False)

    name: PersonName | None = None
    password: Password | None = None

    def acceptance(self, token: str, visit: "Visitor") -> Acceptance:
        """What the use case looks at."""
        return Acceptance(token, visit.wanted, visit.actor, self.name, self.password)


@dataclass(frozen=True)
class Visitor:
    """From which host somebody comes, and who they are if they are signed in."""

    wanted: frozenset[str]
    actor: Actor | None


async def visitor(wanted: Tenant, actor: Sender) -> Visitor:
    """Whoever comes with the link of an invitation."""
    return Visitor(wanted, actor)


Visit = Annotated[Visitor, Depends(visitor)]


class AcceptedOut(Out):
    """Where one is a member now; a token only for who had no account before, everybody else switches."""

    org_id: UUID
    org_slug: str
    access_token: str | None
    expires_in: int | None


@invitations.post("/org/invite", name="create", response_model=InvitationOut, status_code=201)
async def invite(
    body: InvitationIn, actor: MayManageUsers, desk: Desk, tx: InSystemTx, response: Response
) -> Invitation:
    """Invite somebody by mail."""
    per_day = desk.settings.invitations_per_day
    invited = await invite_member(tx, actor, Guest(body.email, body.role), per_day=per_day)
    response.headers["location"] = f"{API}/org/invitations/{invited.invitation.id}"
    return invited.invitation


@invitations.get("/org/invitations", response_model=listing(InvitationOut))
async def search(
    query: Annotated[InvitationQuery, Depends(InvitationQuery.of)], actor: MayRead, tx: InReadTx
) -> PageRows | CursorRows:
    """The invitations of the organisation, newest first."""
    return await store.list_page(tx, actor.org_id, query, status=query.status)


@invitations.get("/org/invitations/{invitation_id}", response_model=InvitationOut)
async def read(invitation_id: UUID, actor: MayRead, tx: InReadTx) -> Any:
    """One invitation."""
    return await store.show(tx, actor.org_id, invitation_id)


@invitations.post("/org/invitations/{invitation_id}/resend", response_model=InvitationOut)
async def resend(invitation_id: UUID, actor: MayManageUsers, desk: Desk, tx: InTx) -> Invitation:
    """Send another mail; the link of the one before is void."""
    return await resend_invitation(tx, actor, invitation_id, per_day=desk.settings.invitations_per_day)


@invitations.delete("/org/invitations/{invitation_id}", status_code=204)
async def revoke(invitation_id: UUID, actor: MayManageUsers, tx: InTx) -> None:
    """Take an invitation back."""
    await revoke_invitation(tx, actor, invitation_id)


@offers.get(
    "/auth/invitations/{token}", name="readInvitation", response_model=OfferOut, openapi_extra=public()
)
async def read_invitation(token: Token, tenant: Tenant, desk: Desk) -> OfferOut:
    """What the link of an invitation offers."""
    return OfferOut.of(await read_offer(desk, token, tenant))


@offers.post(
    "/auth/invitations/{token}/accept",
    name="acceptInvitation",
    response_model=AcceptedOut,
    openapi_extra=public(),
    responses=REFUSED,
)
async def accept(
    token: Token,
    visit: Visit,
    desk: Desk,
    response: Response,
    body: AcceptanceIn | None = None,
) -> Accepted:
    """Join: with a password who has no account yet, signed in as the invited person everybody else."""
    accepted = await accept_invitation(desk, (body or AcceptanceIn()).acceptance(token, visit))
    if accepted.opened is not None:
        cookies.give(response, desk, accepted.opened)
    return accepted
