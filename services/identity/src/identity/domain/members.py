"""Memberships: people in organisations, their role and state."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from chassis.auth import Actor
from chassis.errors import BadRequest, Conflict
from chassis.rows import Aggregate
from chassis.states import check_move
from identity.domain.accounts import Account
from identity.domain.own_roles import Rights, check_touch
from identity.domain.roles import Role
from identity.domain.rows import Row


class MemberState(StrEnum):
    """Whether a membership lets its person in."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


MOVES = {
    MemberState.INVITED: frozenset({MemberState.ACTIVE, MemberState.SUSPENDED, MemberState.REMOVED}),
    MemberState.ACTIVE: frozenset({MemberState.SUSPENDED, MemberState.REMOVED}),
    MemberState.SUSPENDED: frozenset({MemberState.ACTIVE, MemberState.INVITED, MemberState.REMOVED}),
    MemberState.REMOVED: frozenset({MemberState.INVITED}),
}


class LastOwner(Conflict):
    """An organisation always keeps an active owner."""

    reason = "LAST_OWNER"


class AlreadyMember(Conflict):
    """The person belongs to this organisation."""

    reason = "ALREADY_MEMBER"


class Membership(Row, Aggregate):
    """A person in one organisation; `id` is the person's. The version is the `ver` claim of tokens."""

    __tablename__ = "membership"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organisation.org_id"]),
        ForeignKeyConstraint(["id"], ["user_account.id"]),
        CheckConstraint(
            f"status IN ({', '.join(repr(state.value) for state in MemberState)})", name="status"
        ),
        Index("ix_membership_name", "org_id", "name", "id"),
        Index("ix_membership_created_at", "org_id", "created_at", "id"),
        Index("ix_membership_invited", "org_id", "invited_by_user_id", "invited_at"),
        Index("ix_membership_ended", "org_id", "ended_by_user_id", "ended_at"),
        Index("ix_membership_role", "org_id", "role"),
        # The memberships of one person, for signing in; read by the system role only.
        Index("ix_membership_person", "id"),
    )
    entity_type: ClassVar[str] = "USER"

    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    title: Mapped[str | None] = mapped_column(String(120))
    joined_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    invited_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    invited_by_user_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by_user_id: Mapped[UUID | None]

    @classmethod
    def of(cls, org_id: UUID, account: Account, role: str, now: datetime) -> "Membership":
        """An active membership, as founders have it."""
        return cls(
            org_id=org_id,
            id=account.id,
            version=1,
            created_at=now,
            updated_at=now,
            name=account.name,
            email=account.email,
            role=role,
            status=MemberState.ACTIVE,
            joined_at=now,
        )

    @property
    def is_active(self) -> bool:
        """Whether it lets its person in."""
        return self.status == MemberState.ACTIVE

    @property
    def is_active_owner(self) -> bool:
        """Whether it counts for the rule that there is always one."""
        return self.is_active and self.role == Role.OWNER

    def invite(self, by: UUID | None, now: datetime) -> None:
        """Offer it: a new one, or one that had ended."""
        if self.status not in {MemberState.ACTIVE, MemberState.INVITED}:
            check_move(MOVES, MemberState(self.status), MemberState.INVITED)
        self.status = MemberState.INVITED
        self.joined_at = None
        self.invited_at = now
        self.invited_by_user_id = by

    def join(self, name: str, now: datetime) -> None:
        """The invitation was accepted."""
        self._move(MemberState.ACTIVE)
        self.name = name
        self.joined_at = now

    def assign(self, rights: Rights, actor: Actor) -> None:
        """Give another role; nobody changes their own."""
        check_touch(actor, self.role, rights.key)
        if rights.key == self.role:
            return
        rights.check_assignable(actor)
        if actor.id == self.id:
            raise Conflict("You cannot change your own role.")
        self.role = rights.key

    def suspend(self, actor: Actor, now: datetime) -> None:
        """Keep the person out until they are restored; nobody suspends themselves."""
        if actor.id == self.id:
            raise BadRequest("You cannot deactivate yourself.")
        check_touch(actor, self.role)
        self._end(MemberState.SUSPENDED, actor, now)

    def remove(self, actor: Actor, now: datetime) -> None:
        """End the membership, also one's own; only a new invitation leads back."""
        check_touch(actor, self.role)
        self._end(MemberState.REMOVED, actor, now)

    def restore(self, actor: Actor) -> None:
        """Undo a suspension; who had never joined is invited again."""
        check_touch(actor, self.role)
        self._move(MemberState.ACTIVE if self.joined_at else MemberState.INVITED)

    def _end(self, wanted: MemberState, actor: Actor, now: datetime) -> None:
        self._move(wanted)
        self.ended_at, self.ended_by_user_id = now, actor.id

    def _move(self, wanted: MemberState) -> None:
        check_move(MOVES, MemberState(self.status), wanted)
        self.status = wanted
