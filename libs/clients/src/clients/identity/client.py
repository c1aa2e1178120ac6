"""Questions to identity over gRPC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Protocol
from uuid import UUID

from chassis.rpc import Peer
from clients.identity.types import (
    ApiKey,
    MailLink,
    MailLinkKind,
    Member,
    Organisation,
    Role,
    api_key_of,
    member_of,
    organisation_of,
    role_of,
)
from execos.identity.v1 import identity_pb2 as pb
from execos.identity.v1.identity_pb2_grpc import IdentityServiceStub

PAGE = 500


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """How to write to one person."""

    user_id: UUID
    name: str
    email: str
    locale: str
    time_zone: str


class Identity(Protocol):
    """What can be asked; the real client and the fake both answer."""

    async def organisation(self, org_id: UUID) -> Organisation:
        """One organisation; NotFound when it does not exist."""

    async def organisations(self) -> list[Organisation]:
        """Every organisation, for backfills and daily jobs."""

    async def members(self, org_id: UUID, user_ids: Sequence[UUID]) -> list[Member]:
        """Members by person, whatever their status; who is no member is left out."""

    async def list_members(self, org_id: UUID, roles: Sequence[str] = ()) -> list[Member]:
        """All members, or those with one of the roles (upper case)."""

    async def roles(self, org_id: UUID) -> list[Role]:
        """What the organisation has defined and changed, in order of key."""

    async def contact_addresses(self, org_id: UUID, user_ids: Sequence[UUID]) -> list[ContactAddress]:
        """Where to write to active members; others are left out."""

    async def mint_mail_link(
        self, org_id: UUID, kind: MailLinkKind, subject: UUID, generation: int = 0
    ) -> MailLink:
        """The one-time link of a mail, the same however often; NotFound once it is dead."""

    async def api_key(self, token: str) -> ApiKey:
        """The key of that text; NotFound when it opens nothing."""


class IdentityClient:
    """The real thing: calls identity with deadline, identity and error mapping."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = IdentityServiceStub(peer.channel)

    async def organisation(self, org_id: UUID) -> Organisation:
        """One organisation; NotFound when it does not exist."""
        answer = await self._peer.ask(
            self._stub.GetOrganisation, pb.GetOrganisationRequest(org_id=str(org_id))
        )
        return organisation_of(answer.organisation)

    async def organisations(self) -> list[Organisation]:
        """Every organisation, page by page."""
        found: list[Organisation] = []
        token = ""
        while True:
            request = pb.ListOrganisationsRequest(page_size=PAGE, page_token=token)
            answer = await self._peer.ask(self._stub.ListOrganisations, request)
            found += [organisation_of(message) for message in answer.organisations]
            token = answer.next_page_token
            if not token:
                return found

    async def members(self, org_id: UUID, user_ids: Sequence[UUID]) -> list[Member]:
        """Members by person (at most 500)."""
        request = pb.GetMembersRequest(org_id=str(org_id), user_ids=[str(user_id) for user_id in user_ids])
        answer = await self._peer.ask(self._stub.GetMembers, request)
        return [member_of(org_id, message) for message in answer.members]

    async def list_members(self, org_id: UUID, roles: Sequence[str] = ()) -> list[Member]:
        """All members, or those with one of the roles, page by page."""
        found: list[Member] = []
        token = ""
        while True:
            request = pb.ListMembersRequest(org_id=str(org_id), roles=roles, page_size=PAGE, page_token=token)
            answer = await self._peer.ask(self._stub.ListMembers, request)
            found += [member_of(org_id, message) for message in answer.members]
            token = answer.next_page_token
            if not token:
                return found

    async def roles(self, org_id: UUID) -> list[Role]:
        """All that the organisation has defined and changed."""
        answer = await self._peer.ask(self._stub.ListRoles, pb.ListRolesRequest(org_id=str(org_id)))
        return [role_of(org_id, message) for message in answer.roles]

    async def contact_addresses(self, org_id: UUID, user_ids: Sequence[UUID]) -> list[ContactAddress]:
        """Where to write to active members (at most 500)."""
        request = pb.GetContactAddressesRequest(
            org_id=str(org_id), user_ids=[str(user_id) for user_id in user_ids]
        )
        answer = await self._peer.ask(self._stub.GetContactAddresses, request)
        return [
            ContactAddress(UUID(each.user_id), each.name, each.email, each.locale, each.time_zone)
            for each in answer.addresses
        ]

    async def mint_mail_link(
        self, org_id: UUID, kind: MailLinkKind, subject: UUID, generation: int = 0
    ) -> MailLink:
        """The one-time link of a mail; `generation` is that of an invitation's fact."""
        request = pb.MintMailLinkRequest(
            org_id=str(org_id),
            kind=pb.MailLinkKind.Value(f"MAIL_LINK_KIND_{kind}"),
            subject=str(subject),
            generation=generation,
        )
        answer = await self._peer.ask(self._stub.MintMailLink, request)
        return MailLink(
            path=answer.path,
            email=answer.email,
            name=answer.name,
            locale=answer.locale,
            expires_at=answer.expires_at.ToDatetime(UTC),
            organisation=answer.organisation,
            inviter=answer.inviter,
            role=answer.role,
        )

    async def api_key(self, token: str) -> ApiKey:
        """The key of that text; NotFound when it opens nothing."""
        return api_key_of(await self._peer.ask(self._stub.CheckApiKey, pb.CheckApiKeyRequest(token=token)))
