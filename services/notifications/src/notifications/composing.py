"""What each mail says, asked anew of whoever knows it at every try: no link, no present address is kept here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.auth import system_actor
from chassis.errors import NotFound
from chassis.runtime import Runtime
from clients.billing.client import BillingClient
from clients.identity.client import IdentityClient
from clients.identity.copies import ensure_organisation
from clients.identity.types import MailLinkKind
from notifications.copies import ORGANISATIONS
from notifications.domain.mails import Template
from notifications.mail.accounts import House, Person, alert_letter, link_letter, welcome_letter
from notifications.mail.invoices import Seller, invoice_letter
from notifications.mail.messages import Document, Letter
from notifications.settings import NotificationsSettings
from notifications.store import members, organisations


class Superseded(Exception):
    """The link of the mail is dead: used, expired, or replaced by that of a newer mail."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the letters of an organisation are written."""

    runtime: Runtime
    org_id: UUID

    @property
    def identity(self) -> IdentityClient:
        """Whoever knows people and their links."""
        return self.runtime.part(IdentityClient)

    @property
    def house(self) -> House:
        """What all mails about accounts have in common."""
        settings = self.runtime.part(NotificationsSettings)
        return House(settings.public_base_url.rstrip("/"), settings.mail_reply_to)

    async def organisation(self) -> organisations.Addressed:
        """The organisation as far as it is known here."""
        async with self.runtime.source.reading(system_actor(self.org_id)) as reading:
            return await organisations.find(reading, self.org_id)

    async def person(self, user_id: UUID) -> Person:
        """Whom to write to: identity's answer, else the last that is known here of who is no active member."""
        for contact in await self.identity.contact_addresses(self.org_id, [user_id]):
            return Person(contact.email, contact.name, contact.locale, contact.time_zone)
        async with self.runtime.source.reading(system_actor(self.org_id)) as reading:
            known = await members.get_contact(reading, self.org_id, user_id)
            organisation = await organisations.find(reading, self.org_id)
        return Person(known.email, known.name, organisation.locale, organisation.time_zone)


async def compose(runtime: Runtime, org_id: UUID, mail: Any) -> Letter:
    """The letter of a mail; Superseded when there is nothing to say any more, NotFound when nobody knows enough."""
    return await COMPOSERS[Template(mail.template)](Desk(runtime, org_id), mail)


async def _invoice(desk: Desk, mail: Any) -> Letter:
    await ensure_organisation(ORGANISATIONS, desk.runtime.source, desk.identity, desk.org_id)
    organisation = await desk.organisation()
    pdf = await desk.runtime.part(BillingClient).invoice_pdf(desk.org_id, mail.about_id)
    seller = Seller(organisation.name, organisation.locale, organisation.legal or {})
    return invoice_letter(mail.to_address, mail.content, seller, Document(pdf.filename, pdf.content))


async def _link(desk: Desk, mail: Any) -> Letter:
    kind, subject = MailLinkKind(mail.content["kind"]), UUID(mail.content["subject"])
    try:
        link = await desk.identity.mint_mail_link(desk.org_id, kind, subject, mail.content["generation"])
    except NotFound:
        raise Superseded from None
    zone = (await desk.organisation()).time_zone
    return link_letter(kind, link, desk.house, mail.created_at, time_zone=zone)


async def _welcome(desk: Desk, mail: Any) -> Letter:
    return welcome_letter(await desk.person(mail.recipient_id), desk.house)


async def _alert(desk: Desk, mail: Any) -> Letter:
    person = await desk.person(mail.recipient_id)
    return alert_letter(person._replace(email=mail.to_address or person.email), desk.house, mail.content)


Composer = Callable[[Desk, Any], Awaitable[Letter]]

COMPOSERS: Mapping[Template, Composer] = {
    Template.INVOICE_SENT: _invoice,
    Template.MEMBER_INVITED: _link,
    Template.VERIFY_EMAIL: _link,
    Template.PASSWORD_RESET: _link,
    Template.WELCOME: _welcome,
    Template.SECURITY_ALERT: _alert,
}
