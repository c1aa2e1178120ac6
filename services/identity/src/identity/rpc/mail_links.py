"""What notifications asks when it writes a mail with a link."""

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.auth import system_actor
from chassis.errors import Invalid
from chassis.rpc import uuid_field
from execos.identity.v1 import identity_pb2 as pb
from identity.domain.mail_links import LinkKind
from identity.reception import Reception
from identity.usecases.mail_links import Minted, mint, mint_invitation

PREFIX = "MAIL_LINK_KIND_"


async def mint_mail_link(reception: Reception, request: pb.MintMailLinkRequest) -> pb.MintMailLinkResponse:
    """The answer to MintMailLink; Invalid for a kind that does not exist, NotFound for a dead link."""
    org_id, subject = uuid_field(request.org_id, "orgId"), uuid_field(request.subject, "subject")
    kind = _kind(request.kind)
    async with reception.source.reading(system_actor(org_id)) as reading:
        if kind is LinkKind.INVITATION:
            minted = await mint_invitation(reading, reception.seals, org_id, subject, request.generation)
        else:
            minted = await mint(reading, reception.seals, org_id, kind, subject)
    return _message(minted)


def _kind(number: pb.MailLinkKind.ValueType) -> LinkKind:
    try:
        return LinkKind(pb.MailLinkKind.Name(number).removeprefix(PREFIX))
    except ValueError:
        raise Invalid.field("kind", "must be a kind of link") from None


def _message(minted: Minted) -> pb.MintMailLinkResponse:
    expires_at = Timestamp()
    expires_at.FromDatetime(minted.expires_at)
    return pb.MintMailLinkResponse(
        path=minted.path,
        email=minted.email,
        name=minted.name,
        locale=minted.locale,
        expires_at=expires_at,
        organisation=minted.organisation,
        inviter=minted.inviter,
        role=minted.role,
    )
