"""Doors for the owner alone."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import StringConstraints

from chassis.auth import Actor
from chassis.guards import InTx, Requires
from chassis.http import router
from chassis.schema import In, Instant, Out, Text
from identity.domain.members import Membership
from identity.domain.organisations import MAX_SLUG, Organisation
from identity.domain.permissions import Permission
from identity.http.members import MemberOut
from identity.usecases.ownership import delete_organisation, transfer_ownership

ownership = router("ownership")

Owner = Annotated[Actor, Depends(Requires(Permission.OWNERSHIP_MANAGE))]


class OwnerIn(In):
    """Who owns the organisation from now on."""

    user_id: UUID


class DeletionIn(In):
    """The slug, so that nobody deletes by mistake."""

    confirm: Annotated[Text, StringConstraints(max_length=MAX_SLUG)]


class DeletionOut(Out):
    """Nobody is let in any more; the data goes at that time unless the platform revokes it before."""

    slug: str
    status: str
    deletion_due_at: Instant


@ownership.post("/org/transfer-ownership", response_model=MemberOut)
async def transfer(body: OwnerIn, actor: Owner, tx: InTx) -> Membership:
    """Make another member the owner; the caller is an admin from then on."""
    return await transfer_ownership(tx, actor, body.user_id)


@ownership.post("/org/delete", response_model=DeletionOut)
async def delete(body: DeletionIn, actor: Owner, tx: InTx) -> Organisation:
    """Archive the organisation at once and delete it in thirty days."""
    return await delete_organisation(tx, actor, body.confirm)
