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
from identity.domain.members import Membership, MemberState
from identity.domain.permissions import Permission
from identity.http.guards import Desk, InSystemTx
from identity.http.shapes import Email, PersonName, RoleKey
from identity.store import members
from identity.usecases.invitations import Guest, invite_member
from identity.usecases.members import change_member, restore_member, suspend_member

users = router("users")
directory = router("directory")

MayReadUsers = Annotated[Actor, Depends(Requires(Permission.USERS_READ))]
MayManageUsers = Annotated[Actor, Depends(Requires(Permission.USERS_MANAGE))]
MayReadDirectory = Annotated[Actor, Depends(Requires(Permission.DIRECTORY_READ))]
Title = Annotated[Text, StringConstraints(min_length=1, max_length=120)]


class UserIn(In):
    """An invitation with a name."""

    name: PersonName
    email: Email
    role: RoleKey
    title: Title | None = None

    def guest(self) -> Guest:
        """Who is invited."""
        return Guest(self.email, self.role, self.name, self.title)


class AssignmentIn(In):
    """Another role."""

    role: RoleKey


class UserPatch(In):
    """What an organisation may change of its member."""

    name: PersonName = absent()
    role: RoleKey = absent()
    title: Title | None = None


class UserOut(Out):
    """A member as the people's administration sees them."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    name: str
    email: str
    role: str
    status: MemberState
    title: str | None
    joined_at: Instant | None

    @computed_field  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def is_active(self) -> bool:
        """Not deactivated: working here, or invited to."""
        return self.status in members.PRESENT


class DirectoryEntry(Out):
    """A person to pick."""

    id: UUID
    name: str
    role: str
    is_active: bool


class UserQuery(PageQuery):
    """Query parameters of the list of users."""

    sort_by: Literal["createdAt", "name", "email", "role", "isActive"] = "createdAt"
    active: Literal["active", "inactive", "all"] = "active"
    role: RoleKey | None = None
    q: Annotated[Text, StringConstraints(max_length=100)] | None = Field(
        None, description="Part of name or address."
    )

    @property
    def is_present(self) -> bool | None:
        """The filter by `active`; None for all."""
        return None if self.active == "all" else self.active == "active"


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
    return (await invite_member(tx, actor, body.guest(), per_day=per_day)).member


@users.get("/users/{user_id}", response_model=UserOut)
async def read(user_id: UUID, actor: MayReadUsers, tx: InReadTx) -> Any:
    """One person of the organisation."""
    return await members.show(tx, actor.org_id, user_id)


@users.patch("/users/{user_id}", response_model=UserOut)
async def change(user_id: UUID, body: UserPatch, actor: MayManageUsers, tx: InTx) -> Membership:
    """Change the display name, role or title here."""
    return await change_member(tx, actor, user_id, body.changes())


@users.post("/users/{user_id}/roles", response_model=UserOut)
async def assign(user_id: UUID, body: AssignmentIn, actor: MayManageUsers, tx: InTx) -> Membership:
    """Give another role."""
    return await change_member(tx, actor, user_id, {"role": body.role})


@users.post("/users/{user_id}/deactivate", response_model=UserOut)
async def deactivate(user_id: UUID, actor: MayManageUsers, tx: InTx) -> Membership:
    """Suspend the membership; the person's sessions here end at once."""
    return await suspend_member(tx, actor, user_id)


@users.post("/users/{user_id}/reactivate", response_model=UserOut)
async def reactivate(user_id: UUID, actor: MayManageUsers, tx: InTx) -> Membership:
    """Let a suspended person in again."""
    return await restore_member(tx, actor, user_id)


@directory.get("/directory/users", name="list", response_model=list[DirectoryEntry])
async def list_directory(actor: MayReadDirectory, tx: InReadTx) -> list[Any]:
    """The first hundred people for pickers, those who are in first."""
    return cast("list[Any]", await members.list_directory(tx, actor.org_id))
