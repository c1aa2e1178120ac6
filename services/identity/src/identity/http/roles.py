"""Doors about roles, and why somebody may do something."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from pydantic import Field, StringConstraints

from chassis.auth import Actor
from chassis.errors import Invalid, NotFound
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.schema import In, Instant, Out, Parameters, Text, absent
from identity.domain.authz import CONTEXTS, Explanation, RuleKind, explain
from identity.domain.own_roles import SYSTEM, OwnRole, Rights, RoleOverride
from identity.domain.permissions import Permission
from identity.domain.roles import Role
from identity.http.shapes import RoleKey
from identity.store import members, organisations
from identity.store import roles as store
from identity.usecases.roles import change_role, define_role, delete_role, override_role

roles = router("roles")
authz = router("authz")

FEATURE = "custom-roles"

MayReadRules = Annotated[Actor, Depends(Requires(Permission.ROLES_READ))]
MayRead = Annotated[Actor, Depends(Requires(Permission.ROLES_READ, feature=FEATURE))]
MayManage = Annotated[Actor, Depends(Requires(Permission.ROLES_MANAGE, feature=FEATURE))]
RoleName = Annotated[Text, StringConstraints(min_length=2, max_length=120)]
PermissionKeys = Annotated[
    list[Annotated[Text, StringConstraints(min_length=1, max_length=64)]], Field(max_length=200)
]


class RoleIn(In):
    """A role of one's own."""

    key: RoleKey
    name: RoleName
    permissions: PermissionKeys


class RolePatch(In):
    """What can change of a role; its key stays."""

    name: RoleName = absent()
    permissions: PermissionKeys = absent()


class RoleOut(Out):
    """A role and what it may do in effect; a system role that is as it was has no id and version."""

    id: UUID | None
    version: int | None
    created_at: Instant | None
    updated_at: Instant | None
    key: str
    name: str
    is_system: bool
    permissions: list[str]

    @classmethod
    def of(cls, rights: Rights) -> "RoleOut":
        """Of what a role may do here."""
        row = rights.own or rights.override
        return cls(
            id=row.id if row else None,
            version=row.version if row else None,
            created_at=row.created_at if row else None,
            updated_at=row.updated_at if row else None,
            key=rights.key,
            name=rights.name,
            is_system=rights.is_system,
            permissions=sorted(rights.permissions),
        )


class RolesOut(Out):
    """Every role of the organisation, the system's first."""

    items: list[RoleOut]


class OverrideIn(In):
    """What is given to a system role and taken from it, in full."""

    grants: PermissionKeys
    denies: PermissionKeys


class OverrideOut(Out):
    """What the organisation changes of a system role; without a version where it changes nothing."""

    key: str
    version: int | None
    grants: list[str]
    denies: list[str]


class RuleOut(Out):
    """One rule and what it says."""

    kind: RuleKind
    allows: bool
    detail: str


class ExplanationOut(Out):
    """Whether somebody may do something, and which rule decided."""

    allowed: bool
    decided_by: RuleOut
    chain: list[RuleOut]


class ExplainQuery(Parameters):
    """Who, and what."""

    user_id: UUID
    permission: Annotated[Text, StringConstraints(min_length=1, max_length=64)]


@roles.get("/roles", name="list", response_model=RolesOut)
async def list_roles(actor: MayReadRules, tx: InReadTx) -> RolesOut:
    """The system roles and the organisation's own, with what they may do in effect."""
    own = await store.list_own(tx, actor.org_id)
    overrides = {row.key: row for row in await store.list_overrides(tx, actor.org_id)}
    system = [Rights(role.value, override=overrides.get(role.value)) for role in Role]
    return RolesOut(
        items=[RoleOut.of(rights) for rights in (*system, *(Rights(row.key, row) for row in own))]
    )


@roles.post("/roles", response_model=RoleOut, status_code=201)
async def create(body: RoleIn, actor: MayManage, tx: InTx) -> RoleOut:
    """Define a role; nobody can give it what they do not hold."""
    return RoleOut.of(_own(await define_role(tx, actor, body.key, body.name, body.permissions)))


@roles.get("/roles/{role_id}", response_model=RoleOut)
async def read(role_id: UUID, actor: MayRead, tx: InReadTx) -> RoleOut:
    """One of the organisation's own roles."""
    return RoleOut.of(_own(await store.show(tx, actor.org_id, role_id)))


@roles.patch("/roles/{role_id}", response_model=RoleOut)
async def change(role_id: UUID, body: RolePatch, actor: MayManage, tx: InTx) -> RoleOut:
    """Change name or permissions; whoever has the role refreshes their token."""
    return RoleOut.of(_own(await change_role(tx, actor, role_id, body.changes())))


@roles.delete("/roles/{role_id}", status_code=204)
async def delete(role_id: UUID, actor: MayManage, tx: InTx) -> None:
    """Delete a role that nobody has."""
    await delete_role(tx, actor, role_id)


@roles.get("/roles/{key}/overrides", response_model=OverrideOut)
async def read_overrides(key: RoleKey, actor: MayRead, tx: InReadTx) -> Any:
    """What the organisation changes of a system role."""
    if key not in SYSTEM:
        raise NotFound("There is no such system role.")
    rows = await store.list_overrides(tx, actor.org_id)
    nothing = OverrideOut(key=key, version=None, grants=[], denies=[])
    return next((row for row in rows if row.key == key), nothing)


@roles.put("/roles/{key}/overrides", response_model=OverrideOut)
async def override(key: RoleKey, body: OverrideIn, actor: MayManage, tx: InTx) -> RoleOverride:
    """Give to a system role, and take from it; whoever has the role refreshes their token."""
    both = sorted(set(body.grants) & set(body.denies))
    if both:
        raise Invalid.field("denies", f"names what is granted too: {', '.join(both)}")
    return await override_role(tx, actor, key, body.grants, body.denies)


@authz.get("/authz/explain", response_model=ExplanationOut)
async def read_explanation(
    query: Annotated[ExplainQuery, Depends(ExplainQuery.of)], actor: MayReadRules, tx: InReadTx
) -> Explanation:
    """Whether a member may do something, and which rule decided."""
    if query.permission not in CONTEXTS:
        raise Invalid.field("permission", "is not in the catalogue")
    member = await members.show(tx, actor.org_id, query.user_id)
    rights = await store.show_rights(tx, actor.org_id, member.role)
    organisation = await organisations.show(tx, actor.org_id)
    return explain(query.permission, member.status, rights, organisation.modules)


def _own(row: OwnRole) -> Rights:
    return Rights(row.key, row)
