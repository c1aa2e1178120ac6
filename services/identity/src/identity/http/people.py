"""Doors about the people of an organisation."""

from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import Depends
from pydantic import Field, StringConstraints, computed_field

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.paging import CursorRows, PageQuery, PageRows, listing
from chassis.schema import In, Instant, Out, Text, absent
from identity.domain.accounts import Account
from identity.domain.members import Membership, MemberState
from identity.domain.permissions import Permission
from identity.domain.roles import Role
from identity.http.guards import Desk, InSystemTx
from identity.http.shapes import Email, PersonName, UpperCase
from identity.store import members
from identity.usecases.members import change_member, invite_member, restore_member, suspend_member

users = router("users")
organisation_members = router("members")
directory = router("directory")

MayReadUsers = Annotated[Actor, Depends(Requires(Permission.USERS_READ))]
MayManageUsers = Annotated[Actor, Depends(Requires(Permission.USERS_MANAGE))]
MayReadMembers = Annotated[Actor, Depends(Requires(Permission.MEMBERS_READ))]
MayReadDirectory = Annotated[Actor, Depends(Requires(Permission.DIRECTORY_READ))]
RoleIn = Annotated[Role, UpperCase]
Title = Annotated[Text, StringConstraints(min_length=1, max_length=120)]


class UserIn(In):
    """An invitation with a name."""

    name: PersonName
    email: Email
    role: RoleIn
    title: Title | None = None

    def person(self, now: Any) -> Account:
        """The person as they would be, were they new here."""
        return Account.of(self.email, self.name, now)


class UserPatch(In):
    """What an organisation may change of its member."""

    name: PersonName = absent()
    role: RoleIn = absent()
    title: Title | None = None


class UserOut(Out):
    """A member as the people's administration sees them."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    name: str
    email: str
    role: Role
    status: MemberState
    title: str | None
    joined_at: Instant | None

    @computed_field  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def is_active(self) -> bool:
        """Not deactivated: working here, or invited to."""
        return self.status in members.PRESENT


class MemberOut(UserOut):
    """A member; `userId` is the same as `id`, for reference clients."""

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def user_id(self) -> UUID:
        """The person."""
        return self.id


class DirectoryEntry(Out):
    """A person to pick."""

    id: UUID
    name: str
    role: Role
    is_active: bool


class UserQuery(PageQuery):
    """Query parameters of the list of users."""

    sort_by: Literal["createdAt", "name", "email", "role", "isActive"] = "createdAt"
    active: Literal["active", "inactive", "all"] = "active"
    role: RoleIn | None = None
    q: Annotated[Text, StringConstraints(max_length=100)] | None = Field(
        None, description="Part of name or address."
    )

    @property
    def is_present(self) -> bool | None:
        """The filter by `active`; None for all."""
        return None if self.active == "all" else self.active == "active"


class MemberQuery(PageQuery):
    """Query parameters of the list of members."""

    sort_by: Literal["createdAt", "name", "email", "role", "status"] = "createdAt"
    role: RoleIn | None = None
    status: MemberState | None = None
    q: Annotated[Text, StringConstraints(max_length=100)] | None = Field(
        None, description="Part of name or address."
    )


@users.get("/users", response_model=listing(UserOut))
async def search(
    query: Annotated[UserQuery, Depends(UserQuery.of)], actor: MayReadUsers, tx: InReadTx
) -> PageRows | CursorRows:
    """The people of the organisation, newest first."""
    filters = {"is_present": query.is_present, "role": query.role, "q": query.q}
    return await members.list_page(tx, actor.org_id, query, **filters)


@users.post("/users", response_model=UserOut, status_code=201)
async def invite(body: UserIn, actor: MayManageUsers, desk: Desk, tx: InSystemTx) -> Membership:
    """Invite somebody by name and e-mail address."""
    per_day = desk.settings.invitations_per_day
    return await invite_member(tx, actor, body.person(tx.now), body.role, title=body.title, per_day=per_day)


@users.get("/users/{user_id}", response_model=UserOut)
async def read(user_id: UUID, actor: MayReadUsers, tx: InReadTx) -> Any:
    """One person of the organisation."""
    return await members.show(tx, actor.org_id, user_id)


@users.patch("/users/{user_id}", response_model=UserOut)
async def change(user_id: UUID, body: UserPatch, actor: MayManageUsers, tx: InTx) -> Membership:
    """Change the display name, role or title here."""
    return await change_member(tx, actor, user_id, body.changes())


@users.post("/users/{user_id}/deactivate", response_model=UserOut)
async def deactivate(user_id: UUID, actor: MayManageUsers, tx: InTx) -> Membership:
    """Suspend the membership; the person's sessions here end at once."""
    return await suspend_member(tx, actor, user_id)


@users.post("/users/{user_id}/reactivate", response_model=UserOut)
async def reactivate(user_id: UUID, actor: MayManageUsers, tx: InTx) -> Membership:
    """Let a suspended person in again."""
    return await restore_member(tx, actor, user_id)


@organisation_members.get("/org/members", name="search", response_model=listing(MemberOut))
async def search_members(
    query: Annotated[MemberQuery, Depends(MemberQuery.of)], actor: MayReadMembers, tx: InReadTx
) -> PageRows | CursorRows:
    """The members of the organisation, newest first."""
    filters = {"role": query.role, "status": query.status, "q": query.q}
    return await members.list_page(tx, actor.org_id, query, **filters)


@directory.get("/directory/users", name="list", response_model=list[DirectoryEntry])
async def list_directory(actor: MayReadDirectory, tx: InReadTx) -> list[Any]:
    """The first hundred people for pickers, those who are in first."""
    return cast("list[Any]", await members.list_directory(tx, actor.org_id))
