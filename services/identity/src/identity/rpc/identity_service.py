"""Identity's answers to other services (execos.identity.v1.IdentityService)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import grpc

from chassis.auth import system_actor
from chassis.errors import Denied, Invalid, NotFound, Unauthenticated
from chassis.rpc import GATEWAY, Callers, uuid_field
from chassis.runtime import Runtime
from execos.identity.v1 import identity_pb2 as pb
from execos.identity.v1.identity_pb2_grpc import (
    IdentityServiceServicer,
    add_IdentityServiceServicer_to_server,
)
from identity.porter import Porter
from identity.published import (
    api_key_snapshot,
    member_snapshot,
    organisation_snapshot,
    policies_message,
    role_snapshot,
)
from identity.reception import Reception
from identity.rpc.authorization import CHECK, serve_authorization
from identity.rpc.mail_links import mint_mail_link
from identity.store import accounts, members, organisations, roles

MAX_IDS = 500
PAGE, MAX_PAGE = 100, 500
EVERYBODY = frozenset({"sales", "work", "billing", "notifications", "reporting"})
PREFIX = "/execos.identity.v1.IdentityService/"
CALLERS: Callers = {
    PREFIX + "GetOrganisation": EVERYBODY,
    PREFIX + "ListOrganisations": EVERYBODY,
    PREFIX + "GetPolicies": EVERYBODY,
    PREFIX + "GetMembers": EVERYBODY,
    PREFIX + "ListMembers": EVERYBODY,
    PREFIX + "ListRoles": frozenset({"notifications"}),
    # Addresses are for those who write mails.
    PREFIX + "GetContactAddresses": frozenset({"notifications", "reporting"}),
    # A link is a secret: only who mails it sees it.
    PREFIX + "MintMailLink": frozenset({"notifications"}),
    PREFIX + "CheckApiKey": frozenset({"notifications", "reporting"}),
    CHECK: frozenset({GATEWAY}),
}

Context = grpc.aio.ServicerContext[Any, Any]


class IdentityServicer(IdentityServiceServicer):
    """Organisations and members; all but the list of organisations is about one organisation at a time."""

    def __init__(self, runtime: Runtime) -> None:
        self._database = runtime.source.database
        self._system = runtime.system
        self._runtime = runtime
        self._porter = runtime.part(Porter)

    async def GetOrganisation(  # noqa: N802 - as the contract names it
        self, request: pb.GetOrganisationRequest, _context: Context
    ) -> pb.GetOrganisationResponse:
        """One organisation with its policies."""
        org_id = uuid_field(request.org_id, "orgId")
        async with self._database.session(org_id, read_only=True) as session:
            rows = await organisations.get(session, org_id)
        return pb.GetOrganisationResponse(organisation=organisation_snapshot(rows))

    async def ListOrganisations(  # noqa: N802 - as the contract names it
        self, request: pb.ListOrganisationsRequest, _context: Context
    ) -> pb.ListOrganisationsResponse:
        """A page of all organisations."""
        size, after = _page(request.page_size, request.page_token)
        async with self._system.session(None, read_only=True) as session:
            found = await organisations.list_after(session, after, size)
        token = str(found[-1].organisation.id) if len(found) == size else ""
        snapshots = [organisation_snapshot(rows) for rows in found]
        return pb.ListOrganisationsResponse(organisations=snapshots, next_page_token=token)

    async def GetPolicies(  # noqa: N802 - as the contract names it
        self, request: pb.GetPoliciesRequest, _context: Context
    ) -> pb.GetPoliciesResponse:
        """The policies alone."""
        org_id = uuid_field(request.org_id, "orgId")
        async with self._database.session(org_id, read_only=True) as session:
            rows = await organisations.get(session, org_id)
        policies = policies_message(rows.policies)
        return pb.GetPoliciesResponse(policies=policies, version=rows.organisation.version)

    async def GetMembers(  # noqa: N802 - as the contract names it
        self, request: pb.GetMembersRequest, _context: Context
    ) -> pb.GetMembersResponse:
        """Members by person, whatever their status."""
        org_id, user_ids = uuid_field(request.org_id, "orgId"), _ids(request.user_ids)
        async with self._database.session(org_id, read_only=True) as session:
            found = await members.list_by_ids(session, org_id, user_ids)
        return pb.GetMembersResponse(members=[member_snapshot(member) for member in found])

    async def ListMembers(  # noqa: N802 - as the contract names it
        self, request: pb.ListMembersRequest, _context: Context
    ) -> pb.ListMembersResponse:
        """A page of the members."""
        org_id = uuid_field(request.org_id, "orgId")
        size, after = _page(request.page_size, request.page_token)
        async with self._database.session(org_id, read_only=True) as session:
            found = await members.list_after(
                session, org_id, after, size, role=request.roles, status=request.statuses
            )
        token = str(found[-1].id) if len(found) == size else ""
        snapshots = [member_snapshot(member) for member in found]
        return pb.ListMembersResponse(members=snapshots, next_page_token=token)

    async def ListRoles(  # noqa: N802 - as the contract names it
        self, request: pb.ListRolesRequest, _context: Context
    ) -> pb.ListRolesResponse:
        """What the organisation has defined and changed of roles."""
        org_id = uuid_field(request.org_id, "orgId")
        async with self._runtime.source.reading(system_actor(org_id)) as reading:
            found = await roles.list_rights(reading, org_id)
        return pb.ListRolesResponse(roles=[role_snapshot(rights) for rights in found])

    async def GetContactAddresses(  # noqa: N802 - as the contract names it
        self, request: pb.GetContactAddressesRequest, _context: Context
    ) -> pb.GetContactAddressesResponse:
        """Where to write to active members, in which language and zone."""
        org_id, user_ids = uuid_field(request.org_id, "orgId"), _ids(request.user_ids)
        async with self._system.session(None, read_only=True) as session:
            found = await accounts.list_contacts(session, org_id, user_ids)
        return pb.GetContactAddressesResponse(addresses=[_address(row) for row in found])

    async def MintMailLink(  # noqa: N802 - as the contract names it
        self, request: pb.MintMailLinkRequest, _context: Context
    ) -> pb.MintMailLinkResponse:
        """The link of a mail that is about to be sent."""
        return await mint_mail_link(self._runtime.part(Reception), request)

    async def CheckApiKey(  # noqa: N802 - as the contract names it
        self, request: pb.CheckApiKeyRequest, _context: Context
    ) -> pb.CheckApiKeyResponse:
        """What a key may do at present; it costs nothing of the key's budget."""
        try:
            holder = (await self._porter.look_at(request.token)).holder
        except (Unauthenticated, Denied):
            raise NotFound("This key opens nothing.") from None
        snapshot = api_key_snapshot(holder.key, holder.scopes)
        return pb.CheckApiKeyResponse(org_id=str(holder.key.org_id), api_key=snapshot)


def serve_identity(runtime: Runtime, server: grpc.aio.Server) -> None:
    """Answer identity's questions on a server."""
    add_IdentityServiceServicer_to_server(IdentityServicer(runtime), server)
    serve_authorization(runtime, server)


def _ids(texts: Sequence[str]) -> list[UUID]:
    if len(texts) > MAX_IDS:
        raise Invalid.field("userIds", f"must be at most {MAX_IDS}")
    return [uuid_field(text, "userIds") for text in texts]


def _page(size: int, token: str) -> tuple[int, UUID | None]:
    if not 0 <= size <= MAX_PAGE:
        raise Invalid.field("pageSize", f"must be 1 to {MAX_PAGE}")
    return size or PAGE, uuid_field(token, "pageToken") if token else None


def _address(row: Any) -> pb.ContactAddress:
    return pb.ContactAddress(
        user_id=str(row.user_id), name=row.name, email=row.email, locale=row.locale, time_zone=row.time_zone
    )
