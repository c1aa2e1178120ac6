"""Minting the links of mails: the same text however often, and nothing for a link that is dead."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.errors import NotFound
from chassis.tx import Reading
from identity.domain.mail_links import PATHS, LinkKind
from identity.domain.own_roles import Rights
from identity.domain.refresh_tokens import Seals
from identity.store import invitations, mail_links

DEAD = "This link is not valid any more."


@dataclass(frozen=True, slots=True)
class Minted:
    """A link and everything its mail says."""

    path: str
    email: str
    name: str
    locale: str
    expires_at: datetime
    organisation: str
    inviter: str = ""
    role: str = ""


async def mint(reading: Reading, seals: Seals, org_id: UUID, kind: LinkKind, link_id: UUID) -> Minted:
    """The link of a mail to a person; NotFound once it is used, voided or too old."""
    link = await mail_links.find_alive(reading, org_id, kind, link_id)
    if link is None:
        raise NotFound(DEAD)
    path = PATHS[kind] + seals.mail_token(kind, link.id)
    return Minted(path, link.email, link.name, link.locale, link.expires_at, link.organisation)


async def mint_invitation(
    reading: Reading, seals: Seals, org_id: UUID, invitation_id: UUID, generation: int
) -> Minted:
    """The link of an invitation's mail; NotFound once it is accepted, revoked, resent or too old."""
    offer = await invitations.find_alive(reading, org_id, invitation_id, generation, reading.now)
    if offer is None:
        raise NotFound(DEAD)
    return Minted(
        PATHS[LinkKind.INVITATION] + seals.mail_token(LinkKind.INVITATION, offer.id, generation),
        offer.email,
        offer.name,
        offer.locale,
        offer.expires_at,
        offer.organisation,
        offer.inviter or "",
        offer.role_name or Rights(offer.role).name,
    )
