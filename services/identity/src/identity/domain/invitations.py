"""Invitations: what makes somebody a member, once, by a link that only their mailbox gets (W1)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from chassis.errors import Denied, Limited, NotFound, Unauthenticated
from chassis.ids import new_id
from chassis.rows import Aggregate
from chassis.states import check_move
from identity.domain.members import Membership, MemberState
from identity.domain.rows import Row

LIFETIME = timedelta(days=7)


class InvitationState(StrEnum):
    """Whether a link can still be used; that it has expired is a matter of time alone."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"


MOVES = {
    # Pending again: another mail.
    InvitationState.PENDING: frozenset(InvitationState),
}


class InvitationLimit(Limited):
    """Too many invitations by one person in a day."""

    reason = "INVITATION_LIMIT"
    retry_after_seconds = 3600


class InvitationUnknown(NotFound):
    """Nobody has made this link, or not for this host."""

    reason = "INVITATION_UNKNOWN"


class InvitationUsed(NotFound):
    """Somebody has accepted it."""

    reason = "INVITATION_USED"


class InvitationRevoked(NotFound):
    """It was taken back."""

    reason = "INVITATION_REVOKED"


class InvitationReplaced(NotFound):
    """A newer mail has another link."""

    reason = "INVITATION_REPLACED"


class InvitationExpired(NotFound):
    """Its seven days are over."""

    reason = "INVITATION_EXPIRED"


class SignInRequired(Unauthenticated):
    """Whoever has an account accepts while signed in."""

    reason = "SIGN_IN_REQUIRED"


class WrongAccount(Denied):
    """Somebody else is signed in."""

    reason = "WRONG_ACCOUNT"


class Invitation(Row, Aggregate):
    """An offer to one person to become a member; nothing of its link is stored."""

    __tablename__ = "invitation"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "user_id"], ["membership.org_id", "membership.id"]),
        CheckConstraint(
            f"status IN ({', '.join(repr(state.value) for state in InvitationState)})", name="status"
        ),
        Index(
            "uq_invitation_pending",
            "org_id",
            "user_id",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_invitation_created_at", "org_id", "created_at", "id"),
        # A link names only its invitation; read by the system role only.
        Index("ix_invitation_id", "id"),
    )
    entity_type: ClassVar[str] = "INVITATION"

    user_id: Mapped[UUID]
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str | None] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(64))
    invited_by_user_id: Mapped[UUID | None]
    generation: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(String(16))
    accepted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @classmethod
    def of(cls, member: Membership, *, name: str | None, by: UUID | None, now: datetime) -> "Invitation":
        """A first link for an invited member; `name` only where whoever invites has given one."""
        return cls(
            org_id=member.org_id,
            id=new_id(),
            version=1,
            created_at=now,
            updated_at=now,
            user_id=member.id,
            email=member.email,
            name=name,
            role=member.role,
            invited_by_user_id=by,
            generation=1,
            expires_at=now + LIFETIME,
            status=InvitationState.PENDING,
        )

    def renew(self, now: datetime) -> None:
        """Another link for as long again; the older one is void."""
        self._move(InvitationState.PENDING)
        self.generation += 1
        self.expires_at = now + LIFETIME

    def accept(self, now: datetime) -> None:
        """Its person is a member now."""
        self._move(InvitationState.ACCEPTED)
        self.accepted_at = now

    def revoke(self) -> None:
        """Its link is void."""
        self._move(InvitationState.REVOKED)

    @property
    def state(self) -> InvitationState:
        """Where it is in its life."""
        return InvitationState(self.status)

    def check_usable(self, generation: int, member: Membership, now: datetime) -> None:
        """Raise what is wrong with the link of that generation: used, revoked, replaced or expired."""
        if self.state is InvitationState.ACCEPTED:
            raise InvitationUsed("This invitation has been accepted.")
        if self.state is InvitationState.REVOKED or member.status != MemberState.INVITED:
            raise InvitationRevoked("This invitation has been taken back.")
        if generation != self.generation:
            raise InvitationReplaced("There is a newer mail with another link.")
        if now >= self.expires_at:
            raise InvitationExpired("This invitation has expired; ask for another one.")

    def _move(self, wanted: InvitationState) -> None:
        check_move(MOVES, self.state, wanted)
        self.status = wanted


class InvitationMail(Row):
    """One mail of an invitation: what the daily limit of whoever sends them counts."""

    __tablename__ = "invitation_mail"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "id"),
        ForeignKeyConstraint(["org_id", "invitation_id"], ["invitation.org_id", "invitation.id"]),
        Index("ix_invitation_mail_sent", "org_id", "sent_by_user_id", "sent_at"),
    )

    org_id: Mapped[UUID]
    id: Mapped[UUID]
    invitation_id: Mapped[UUID]
    sent_by_user_id: Mapped[UUID | None]
    sent_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @classmethod
    def of(cls, invitation: Invitation, by: UUID | None, now: datetime) -> "InvitationMail":
        """A mail that is sent now."""
        return cls(
            org_id=invitation.org_id,
            id=new_id(),
            invitation_id=invitation.id,
            sent_by_user_id=by,
            sent_at=now,
        )


def masked(email: str) -> str:
    """An address that its owner recognises and nobody else can write to."""
    local, _, host = email.partition("@")
    return f"{local[0]}***@{host}"
