"""Doors about the members of an organisation."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import Field, StringConstraints, computed_field

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import In, Text, absent
from identity.domain.members import Membership, MemberState
from identity.domain.permissions import Permission
from identity.http.people import MayManageUsers, UserOut
from identity.http.shapes import RoleKey
from identity.store import members
from identity.usecases.members import administer_member, remove_member

organisation_members = router("members")

MayReadMembers = Annotated[Actor, Depends(Requires(Permission.MEMBERS_READ))]


class MemberOut(UserOut):
    """A member; `userId` is the same as `id`, for reference clients."""

    @computed_field  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def user_id(self) -> UUID:
        """The person."""
        return self.id


class MemberPatch(In):
    """Another role or status; `active` and `suspended` can be chosen, the rest comes by itself."""

    role: RoleKey = absent()
    status: Literal["active", "suspended"] = absent()

    @property
    def wanted(self) -> MemberState | None:
        """The status to come, if one is given."""
        given = self.changes().get("status")
        return MemberState(given) if given else None


class MemberQuery(PageQuery):
    """Query parameters of the list of members."""

    sort_by: Literal["createdAt", "name", "email", "role", "status"] = "createdAt"
    role: RoleKey | None = None
    status: MemberState | None = None
    q: Annotated[Text, StringConstraints(max_length=100)] | None = Field(
        None, description="Part of name or address."
    )


@organisation_members.get("/org/members", name="search", response_model=listing(MemberOut))
async def search(
    query: Annotated[MemberQuery, Depends(MemberQuery.of)], actor: MayReadMembers, tx: InReadTx
) -> PageRows | CursorRows:
    """The members of the organisation, newest first."""
    filters = {"role": query.role, "status": query.status, "q": query.q}
    return await members.list_page(tx, actor.org_id, query, **filters)


@organisation_members.patch("/org/members/{user_id}", response_model=MemberOut)
async def change(user_id: UUID, body: MemberPatch, actor: MayManageUsers, tx: InTx) -> Membership:
    """Give another role, suspend or restore."""
    return await administer_member(tx, actor, user_id, role=body.role, status=body.wanted)


@organisation_members.delete("/org/members/{user_id}", status_code=204)
async def remove(user_id: UUID, actor: MayManageUsers, tx: InTx) -> None:
    """End a membership, also one's own; the person's sessions here end at once."""
    await remove_member(tx, actor, user_id)
