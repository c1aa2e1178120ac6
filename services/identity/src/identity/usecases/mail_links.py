"""Links in mails: issued, minted (the same text however often), used once, voided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chassis.auth import system_actor
from chassis.errors import NotFound
from chassis.tx import Reading, Tx
from identity.domain.accounts import Account
from identity.domain.mail_links import MAILS_PER_HOUR, PATHS, LinkKind, MailLink
from identity.domain.own_roles import Rights
from identity.domain.refresh_tokens import Seals
from identity.reception import NOBODY, Reception
from identity.store import accounts, invitations, mail_links
from identity.usecases.acting import act_as

HOUR = timedelta(hours=1)
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


async def issue(tx: Tx, link: MailLink) -> bool:
    """Keep a new link of a person whom the caller has locked; False when they were sent too many lately."""
    sent = await mail_links.count_since(tx.session, link.user_id, LinkKind(link.kind), tx.now - HOUR)
    if sent >= MAILS_PER_HOUR:
        return False
    tx.add(link)
    await tx.flush()
    return True


async def find_owner(reception: Reception, kind: LinkKind, token: str) -> tuple[UUID, UUID] | None:
    """The link that a token is of and whose it is, if it can still be used."""
    sealed = reception.seals.read_mail_token(kind, token)
    if sealed is None:
        return None
    async with reception.source.reading(system_actor(NOBODY)) as reading:
        user_id = await mail_links.find_owner(reading, kind, sealed.link_id, reading.now)
    return (sealed.link_id, user_id) if user_id else None


async def use(tx: Tx, account: Account, link_id: UUID) -> tuple[MailLink, Sequence[MailLink]]:
    """Use a link of a person whom the caller has locked; the link and the person's others. NotFound once it is dead.

    From here on the person acts, in the organisation in which the link was told.
    """
    usable = await mail_links.list_usable(tx.session, account.id, tx.now)
    link = next((each for each in usable if each.id == link_id and each.is_alive(tx.now)), None)
    seat = await accounts.find_seat(tx, link.home_org_id, account.id) if link else None
    if link is None or seat is None or not seat.is_open:
        raise NotFound(DEAD)
    act_as(tx, seat.actor)
    link.used_at = tx.now
    return link, [each for each in usable if each is not link]


async def void(tx: Tx, account: Account, *kinds: LinkKind) -> None:
    """End a person's links of these kinds; the caller has locked the person."""
    for link in await mail_links.list_usable(tx.session, account.id, tx.now):
        if link.kind in kinds:
            link.voided_at = tx.now


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
