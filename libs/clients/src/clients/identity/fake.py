"""Identity for tests of other services: the same answers from memory, and it can be away."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from chassis.errors import DependencyUnavailable, NotFound
from chassis.ids import new_id
from clients.identity.client import ContactAddress
from clients.identity.types import ApiKey, MailLink, MailLinkKind, Member, Organisation, Role


@dataclass
class FakeIdentity:
    """In-memory identity; set `is_away` to make every question fail as a dead peer does."""

    known_organisations: dict[UUID, Organisation] = field(default_factory=dict)
    known_members: dict[tuple[UUID, UUID], Member] = field(default_factory=dict)
    known_roles: dict[tuple[UUID, UUID], Role] = field(default_factory=dict)
    known_mail_links: dict[tuple[UUID, MailLinkKind, UUID, int], MailLink] = field(default_factory=dict)
    known_keys: dict[str, ApiKey] = field(default_factory=dict)
    is_away: bool = False
    questions: int = 0

    def add_organisation(self, org_id: UUID, **values: Any) -> Organisation:
        """An organisation with defaults, or the known one changed (its version moves)."""
        known = self.known_organisations.get(org_id)
        if known is None:
            known = Organisation(org_id, 0, "Test Works", f"test-{org_id.hex[-12:]}")
        self.known_organisations[org_id] = replace(known, version=known.version + 1, **values)
        return self.known_organisations[org_id]

    def add_member(self, org_id: UUID, user_id: UUID | None = None, **values: Any) -> Member:
        """A member with defaults."""
        user_id = user_id or new_id()
        named = {"name": "Some Body", "email": f"{user_id.hex[-12:]}@test.example", "role": "SALES"} | values
        member = Member(org_id, user_id, 1, **named)
        self.known_members[org_id, user_id] = member
        return member

    def add_role(self, org_id: UUID, key: str, *permissions: str) -> Role:
        """A role that the organisation has defined, or a system role as it has changed it."""
        role = Role(org_id, new_id(), 1, key, frozenset(permissions))
        self.known_roles[org_id, role.id] = role
        return role

    async def organisation(self, org_id: UUID) -> Organisation:
        """One organisation; NotFound when it does not exist."""
        self._asked()
        if org_id not in self.known_organisations:
            raise NotFound("There is no such organisation.")
        return self.known_organisations[org_id]

    async def organisations(self) -> list[Organisation]:
        """Every organisation in order of id."""
        self._asked()
        return [self.known_organisations[org_id] for org_id in sorted(self.known_organisations)]

    async def members(self, org_id: UUID, user_ids: Sequence[UUID]) -> list[Member]:
        """Members by person in order of id; who is no member is left out."""
        self._asked()
        wanted = sorted(set(user_ids))
        return [self.known_members[org_id, each] for each in wanted if (org_id, each) in self.known_members]

    async def list_members(self, org_id: UUID, roles: Sequence[str] = ()) -> list[Member]:
        """All members in order of id, or those with one of the roles."""
        self._asked()
        ours = [member for key, member in sorted(self.known_members.items()) if key[0] == org_id]
        return [member for member in ours if not roles or member.role in roles]

    async def roles(self, org_id: UUID) -> list[Role]:
        """What the organisation has defined and changed, in order of key."""
        self._asked()
        ours = [role for (known_org, _), role in self.known_roles.items() if known_org == org_id]
        return sorted(ours, key=lambda role: role.key)

    async def contact_addresses(self, org_id: UUID, user_ids: Sequence[UUID]) -> list[ContactAddress]:
        """Where to write to active members."""
        members = await self.members(org_id, user_ids)
        organisation = self.known_organisations.get(org_id)
        if organisation is None:
            return []
        return [
            ContactAddress(each.id, each.name, each.email, organisation.locale, organisation.time_zone)
            for each in members
            if each.status == "active"
        ]

    async def mint_mail_link(
        self, org_id: UUID, kind: MailLinkKind, subject: UUID, generation: int = 0
    ) -> MailLink:
        """The known link; NotFound when there is none, or none any more."""
        self._asked()
        link = self.known_mail_links.get((org_id, kind, subject, generation))
        if link is None:
            raise NotFound("This link is not valid any more.")
        return link

    async def api_key(self, token: str) -> ApiKey:
        """The key of that text; NotFound when it opens nothing."""
        self._asked()
        if token not in self.known_keys:
            raise NotFound("This key opens nothing.")
        return self.known_keys[token]

    def _asked(self) -> None:
        self.questions += 1
        if self.is_away:
            raise DependencyUnavailable(
                "The identity service does not answer; try again.", service="identity"
            )
