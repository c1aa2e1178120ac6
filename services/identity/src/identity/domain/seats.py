"""Seats: where a person may sit down to work, and which one a sign-in chooses."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from chassis.auth import Actor, ActorKind
from chassis.errors import Denied
from identity.domain.accounts import Account, EmailNotVerified
from identity.domain.members import Membership
from identity.domain.organisations import Organisation
from identity.domain.own_roles import OwnRole, Rights, RoleOverride
from identity.domain.policies import Policies


@dataclass(frozen=True)
class Seat:
    """A person, their membership, its organisation and the rules there."""

    account: Account
    membership: Membership
    organisation: Organisation
    policies: Policies
    own_role: OwnRole | None = None
    override: RoleOverride | None = None
    has_second_factor: bool = False

    @property
    def rights(self) -> Rights:
        """What the person may do here."""
        return Rights(self.membership.role, self.own_role, self.override)

    @property
    def is_open(self) -> bool:
        """Whether the person and the membership let them in; the organisation may still be closed."""
        return self.account.is_active and self.membership.is_active

    def is_wanted(self, slugs: frozenset[str]) -> bool:
        """Whether it is in the organisation that `slugs` names; where none is named, any is."""
        return not slugs or slugs == {self.organisation.slug}

    @property
    def idle(self) -> timedelta:
        """How long a session here may rest (policy sessionIdleDays)."""
        return timedelta(days=self.policies.session_idle_days)

    def check_entry(self, ip: str | None) -> None:
        """Raise OrganisationInactive or AddressNotAllowed where nobody may come in, or not from there."""
        self.organisation.check_active()
        self.policies.check_address(ip)

    def check_inside(self, ip: str | None) -> None:
        """The same, and EmailNotVerified where only people may work who have confirmed their address."""
        self.check_entry(ip)
        if self.policies.require_verified_email and self.account.email_verified_at is None:
            raise EmailNotVerified("Confirm your e-mail address first; the link is in your mailbox.")

    @property
    def actor(self) -> Actor:
        """The person as who acts."""
        member = self.membership
        return Actor(
            ActorKind.USER,
            member.id,
            member.org_id,
            member.name,
            member.email,
            role=member.role,
            org_slug=self.organisation.slug,
            version=member.version,
        )

    def claims(self, session_id: UUID) -> dict[str, Any]:
        """The claims of an access token that say who sits here."""
        member = self.membership
        return {
            "sub": str(member.id),
            "org": str(member.org_id),
            "org_slug": self.organisation.slug,
            "role": member.role,
            "scope": self.rights.scope,
            "sid": str(session_id),
            "ver": member.version,
            "name": member.name,
            "email": member.email,
        }


class Candidate(Protocol):
    """What is read of a person's membership before the password is looked at: little, so that it shows in no clock."""

    @property
    def org_id(self) -> UUID:
        """The organisation."""

    @property
    def slug(self) -> str:
        """Its slug."""

    @property
    def is_open(self) -> bool:
        """Whether person and membership let the person in."""

    @property
    def is_organisation_active(self) -> bool:
        """Whether the organisation lets anybody in."""

    @property
    def created_at(self) -> datetime:
        """Since when the membership is there."""


def choose(candidates: Iterable[Candidate], wanted: frozenset[str], last_org_id: UUID | None) -> UUID | None:
    """The organisation that `wanted` slugs name, else the last used, else the oldest; None when none lets them in.

    A closed organisation only when there is no other.
    """
    usable = [each for each in candidates if each.is_open and (not wanted or wanted == {each.slug})]
    if not usable:
        return None
    chosen = min(
        usable,
        key=lambda each: (not each.is_organisation_active, each.org_id != last_org_id, each.created_at),
    )
    return chosen.org_id


class NotAMember(Denied):
    """The person has no active membership there."""
