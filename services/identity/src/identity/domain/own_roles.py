"""Roles of an organisation: its own, what it changes of system roles, and what either may do in effect."""

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.auth import Actor, ActorKind
from chassis.errors import Conflict, Denied, Invalid
from chassis.ids import new_id
from chassis.rows import Aggregate
from identity.domain.permissions import ADMINISTERING, KNOWN, OWNERS_ALONE, SENSITIVE
from identity.domain.roles import UNLIMITED, Role, name_of, permissions_of
from identity.domain.rows import Row

MAX_KEY = 40
MAX_OWN_ROLES = 100
SYSTEM = frozenset(role.value for role in Role)
BY_OFFICE = UNLIMITED | {Role.CEO}
"""Who manages people without a role of the organisation's own or an override."""
TAKEN = SYSTEM | {"API_KEY"}
"""Keys that mean something else already."""


class RoleExists(Conflict):
    """The key is taken."""

    reason = "ROLE_EXISTS"


class RoleInUse(Conflict):
    """Somebody has this role."""

    reason = "ROLE_IN_USE"


class OwnRole(Row, Aggregate):
    """A role that an organisation has defined."""

    __tablename__ = "role"
    __table_args__ = (UniqueConstraint("org_id", "key"),)
    entity_type: ClassVar[str] = "ROLE"

    key: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(120))
    permissions: Mapped[list[str]] = mapped_column(JSONB)

    @classmethod
    def of(cls, org_id: UUID, key: str, name: str, permissions: Collection[str], now: datetime) -> "OwnRole":
        """A new role."""
        return cls(
            org_id=org_id,
            id=new_id(),
            version=1,
            created_at=now,
            updated_at=now,
            key=key,
            name=name,
            permissions=sorted(permissions),
        )


class RoleOverride(Row, Aggregate):
    """What an organisation gives to a system role, or takes from it."""

    __tablename__ = "role_override"
    __table_args__ = (UniqueConstraint("org_id", "key"),)
    entity_type: ClassVar[str] = "ROLE"

    key: Mapped[str] = mapped_column(String(64))
    grants: Mapped[list[str]] = mapped_column(JSONB)
    denies: Mapped[list[str]] = mapped_column(JSONB)

    @classmethod
    def of(cls, org_id: UUID, key: str, now: datetime) -> "RoleOverride":
        """One that changes nothing yet."""
        return cls(
            org_id=org_id,
            id=new_id(),
            version=1,
            created_at=now,
            updated_at=now,
            key=key,
            grants=[],
            denies=[],
        )


class Rights(NamedTuple):
    """What a role may do in one organisation; a key that means nothing there may do nothing."""

    key: str
    own: OwnRole | None = None
    override: RoleOverride | None = None

    @property
    def is_known(self) -> bool:
        """Whether somebody can have this role."""
        return self.is_system or self.own is not None

    @property
    def is_system(self) -> bool:
        """Whether every organisation has it."""
        return self.key in SYSTEM

    @property
    def row(self) -> OwnRole | RoleOverride:
        """What the organisation has stored of it; a system role that is as it was has no row."""
        row = self.own or self.override
        if row is None:
            raise LookupError(self.key)
        return row

    @property
    def name(self) -> str:
        """As people read it."""
        return name_of(Role(self.key)) if self.is_system else self.own.name if self.own else self.key

    @property
    def inherent(self) -> frozenset[str]:
        """What a system role may do before anything is changed of it."""
        return frozenset(permissions_of(Role(self.key))) if self.is_system else frozenset()

    @property
    def permissions(self) -> frozenset[str]:
        """What it may do in effect; whatever was stored, only the owner has what is the owner's alone."""
        if self.key == Role.OWNER:
            return self.inherent
        given = self.inherent | frozenset(self.own.permissions if self.own and not self.is_system else ())
        if self.is_system and self.override is not None:
            given = (given | frozenset(self.override.grants)) - frozenset(self.override.denies)
        return (given & KNOWN) - OWNERS_ALONE

    @property
    def administers(self) -> bool:
        """Whether whoever has it is one of the admins that policy `requireSecondFactor` speaks of."""
        return not self.permissions.isdisjoint(ADMINISTERING)

    @property
    def scope(self) -> str:
        """The `scope` claim of its tokens: `*` for whom nothing is denied."""
        if self.key == Role.OWNER:
            return " ".join(("*", *sorted(OWNERS_ALONE)))
        if self.key == Role.ADMIN and not (self.override and self.override.denies):
            return "*"
        return " ".join(sorted(self.permissions))

    def check_assignable(self, actor: Actor) -> None:
        """Raise Denied when the actor may not give this role: nobody gives what they do not hold (W15).

        Owner, admin and ceo manage people by their office: they must hold only what is sensitive of it. Who is neither
        owner nor admin gives what is sensitive only as a system role has it by itself.
        """
        if actor.kind is ActorKind.SYSTEM:
            return
        check_touch(actor, self.key)
        sensitive = self.permissions & SENSITIVE
        given = sensitive if actor.role in BY_OFFICE else self.permissions
        is_held = all(actor.may(permission) for permission in given)
        if not is_held or (actor.role not in UNLIMITED and not sensitive <= self.inherent):
            raise Denied("You cannot give a role that may do more than you may.")


def check_touch(actor: Actor, *roles: str) -> None:
    """Raise Denied unless the actor may have to do with these roles: only owner and admin touch owner and admin."""
    if actor.kind is not ActorKind.SYSTEM and actor.role not in UNLIMITED and not UNLIMITED.isdisjoint(roles):
        raise Denied("Only an owner or admin may do this to an owner or admin.")


def check_givable(permissions: Collection[str], field: str) -> None:
    """Raise Invalid unless these exist and can be given at all."""
    unknown = sorted(set(permissions) - (KNOWN - OWNERS_ALONE))
    if unknown:
        raise Invalid.field(field, f"names what cannot be given: {', '.join(unknown)}")


def check_held(actor: Actor, permissions: Collection[str]) -> None:
    """Raise Denied unless the actor holds everything that somebody is about to get."""
    if not all(actor.may(permission) for permission in permissions):
        raise Denied("You cannot give what you do not hold.")
