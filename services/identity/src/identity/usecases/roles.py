"""What can be done with roles: define, change, delete, and change what system roles may do."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from chassis.activity import changes_of
from chassis.auth import Actor
from chassis.errors import Conflict, NotFound
from chassis.tx import Tx
from identity.domain.own_roles import (
    MAX_OWN_ROLES,
    SYSTEM,
    TAKEN,
    OwnRole,
    Rights,
    RoleExists,
    RoleInUse,
    RoleOverride,
    check_givable,
    check_held,
    check_touch,
)
from identity.domain.roles import Role
from identity.published import member_role_changed, role_created, role_deleted, role_updated
from identity.store import organisations, roles


async def define_role(tx: Tx, actor: Actor, key: str, name: str, permissions: Collection[str]) -> OwnRole:
    """A role of the organisation's own, with nothing that its author does not hold."""
    check_givable(permissions, "permissions")
    check_held(actor, permissions)
    await organisations.lock(tx.session, actor.org_id)
    if key in TAKEN:
        raise RoleExists("This key is taken by the system.", key=key)
    if await roles.count_own(tx.session, actor.org_id) >= MAX_OWN_ROLES:
        raise Conflict("There are too many roles already.", limit=MAX_OWN_ROLES)
    role = OwnRole.of(actor.org_id, key, name, permissions, tx.now)
    tx.add(role)
    tx.record(role, "CREATE")
    tx.publish(role_created(Rights(key, role)))
    return role


async def change_role(tx: Tx, actor: Actor, role_id: UUID, changes: dict[str, Any]) -> OwnRole:
    """Another name or other permissions; what whoever has the role may do changes at once."""
    await organisations.lock(tx.session, actor.org_id)
    role = await roles.get(tx.session, actor.org_id, role_id)
    tx.expect(role)
    wanted = frozenset(changes.pop("permissions", role.permissions))
    added = wanted - frozenset(role.permissions)
    check_givable(added, "permissions")
    check_held(actor, added)
    for name, value in changes.items():
        setattr(role, name, value)
    if wanted != frozenset(role.permissions):
        role.permissions = sorted(wanted)
        await _age_tokens(tx, role.key)
    if tx.record(role, "UPDATE"):
        tx.publish(role_updated(Rights(role.key, role)))
    return role


async def delete_role(tx: Tx, actor: Actor, role_id: UUID) -> None:
    """A role that nobody has is gone; RoleInUse otherwise."""
    await organisations.lock(tx.session, actor.org_id)
    role = await roles.get(tx.session, actor.org_id, role_id)
    tx.expect(role)
    if await roles.is_in_use(tx.session, actor.org_id, role.key):
        raise RoleInUse("Somebody has this role; give them another one first.", key=role.key)
    tx.record(role, "DELETE")
    tx.publish(role_deleted(Rights(role.key, role)))
    await tx.session.delete(role)


async def override_role(
    tx: Tx, actor: Actor, key: str, grants: Collection[str], denies: Collection[str]
) -> RoleOverride:
    """Give to a system role, or take from it; owners cannot be overridden."""
    if key not in SYSTEM:
        raise NotFound("There is no such system role.")
    if key == Role.OWNER:
        raise Conflict("What an owner may do cannot be changed.")
    check_touch(actor, key)
    check_givable(grants, "grants")
    check_givable(denies, "denies")
    await organisations.lock(tx.session, actor.org_id)
    before = await roles.rights(tx.session, actor.org_id, key)
    held = before.permissions
    override = before.override or RoleOverride.of(actor.org_id, key, tx.now)
    tx.expect(override)
    override.grants, override.denies = sorted(grants), sorted(denies)
    after = Rights(key, override=override)
    check_held(actor, after.permissions - held)  # who takes a denial back gives too
    if before.override is None:
        tx.add(override)
    if before.override is None or any(changes_of(override)):
        tx.record(override, "OVERRIDE")
        tx.publish(role_updated(after))
        await _age_tokens(tx, key)
    return override


async def _age_tokens(tx: Tx, key: str) -> None:
    """Whoever has the role needs a new token: what the old one says of them is no longer so."""
    for member in await roles.lock_holders(tx.session, tx.actor.org_id, key):
        tx.record(member, "ROLE_CHANGE")
        tx.publish(member_role_changed(member))
