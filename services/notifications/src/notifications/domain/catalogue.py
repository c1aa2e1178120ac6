"""Every type of notification, in one table: whom it concerns, what it says, where it leads, how it is delivered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from notifications.domain.access import Entity, Role


class NoticeType(StrEnum):
    """Type keys, `<aggregate>.<fact>` (spec/wire.md 7)."""

    WORK_ITEM_ASSIGNED = "work_item.assigned"
    WORK_ITEM_COMPLETED = "work_item.completed"
    LEAD_ASSIGNED = "lead.assigned"
    DEAL_ASSIGNED = "deal.assigned"
    DEAL_WON = "deal.won"
    DEAL_LOST = "deal.lost"
    NOTE_MENTIONED = "note.mentioned"
    INVOICE_SENT = "invoice.sent"
    INVOICE_PAID = "invoice.paid"
    MEMBER_JOINED = "member.joined"
    IMPORT_FINISHED = "import.finished"


class Party(StrEnum):
    """How a person can be concerned by what happened."""

    ASSIGNEE = "assignee"
    OWNER = "owner"
    CREATOR = "creator"
    DEAL_OWNER = "deal owner"
    INVITER = "inviter"
    MENTIONED = "mentioned"
    STARTER = "starter"


class Channel(StrEnum):
    """Ways to tell a person."""

    IN_APP = "in-app"
    EMAIL = "e-mail"


class Titles(NamedTuple):
    """The title in every language; `{subject}` is the name of what it is about."""

    en: str
    de: str
    fr: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One type: the parties and roles it concerns, its words, its channels unless a person chooses others.

    It is about `entity`, unless what happened names another.
    A role of an organisation's own counts as one of `roles` when it may do one of `duties`.
    """

    label: str
    entity: Entity
    parties: frozenset[Party]
    titles: Titles
    roles: frozenset[Role] = frozenset()
    duties: frozenset[str] = frozenset()
    channels: frozenset[Channel] = frozenset({Channel.IN_APP})


LINKS = {
    Entity.COMPANY: "/sales/companies/{id}",
    Entity.CONTACT: "/sales/contacts/{id}",
    Entity.LEAD: "/sales/leads/{id}",
    Entity.DEAL: "/sales/deals/{id}",
    Entity.WORK_ITEM: "/work/items/{id}",  # house: allow machine-path, a path of the web console
    Entity.INVOICE: "/billing/invoices/{id}",
    Entity.USER: "/settings/people/{id}",
    Entity.IMPORT: "/sales/imports/{id}",
}

MANAGEMENT = frozenset({Role.OWNER, Role.CEO, Role.DIRECTOR, Role.SALES_MANAGER})
MANAGING, INVOICING, COLLECTING, STAFFING = "dashboard:read", "invoices:write", "invoices:pay", "users:manage"

CATALOGUE: Mapping[NoticeType, Kind] = {
    NoticeType.WORK_ITEM_ASSIGNED: Kind(
        label="Work assigned to me",
        entity=Entity.WORK_ITEM,
        parties=frozenset({Party.ASSIGNEE}),
        titles=Titles(
            "Assigned to you: {subject}",
            "Ihnen zugewiesen: {subject}",
            "Vous est attribué : {subject}",
        ),
    ),
    NoticeType.WORK_ITEM_COMPLETED: Kind(
        label="Work completed",
        entity=Entity.WORK_ITEM,
        parties=frozenset({Party.ASSIGNEE, Party.CREATOR, Party.DEAL_OWNER}),
        titles=Titles("Completed: {subject}", "Erledigt: {subject}", "Terminé : {subject}"),
    ),
    NoticeType.LEAD_ASSIGNED: Kind(
        label="Lead assigned to me",
        entity=Entity.LEAD,
        parties=frozenset({Party.OWNER}),
        titles=Titles(
            "You own the lead {subject}",
            "Sie betreuen nun den Lead {subject}",
            "Vous suivez désormais le prospect {subject}",
        ),
    ),
    NoticeType.DEAL_ASSIGNED: Kind(
        label="Deal assigned to me",
        entity=Entity.DEAL,
        parties=frozenset({Party.OWNER}),
        titles=Titles(
            "You own the deal {subject}",
            "Sie betreuen nun das Geschäft {subject}",
            "Vous suivez désormais l'affaire {subject}",
        ),
    ),
    NoticeType.DEAL_WON: Kind(
        label="Deal won",
        entity=Entity.DEAL,
        parties=frozenset({Party.OWNER}),
        roles=MANAGEMENT | {Role.FINANCE},
        duties=frozenset({MANAGING, INVOICING}),
        titles=Titles("Deal won: {subject}", "Geschäft gewonnen: {subject}", "Affaire gagnée : {subject}"),
    ),
    NoticeType.DEAL_LOST: Kind(
        label="Deal lost",
        entity=Entity.DEAL,
        parties=frozenset({Party.OWNER}),
        roles=MANAGEMENT,
        duties=frozenset({MANAGING}),
        titles=Titles("Deal lost: {subject}", "Geschäft verloren: {subject}", "Affaire perdue : {subject}"),
    ),
    NoticeType.NOTE_MENTIONED: Kind(
        label="Mentioned in a note",
        entity=Entity.COMPANY,
        parties=frozenset({Party.MENTIONED}),
        titles=Titles(
            "You are mentioned on {subject}",
            "Sie wurden bei {subject} erwähnt",
            "Vous êtes mentionné sur {subject}",
        ),
    ),
    NoticeType.INVOICE_SENT: Kind(
        label="Invoice sent",
        entity=Entity.INVOICE,
        parties=frozenset({Party.CREATOR, Party.DEAL_OWNER}),
        # Finance mostly sends them itself, and whoever acts is not told.
        roles=frozenset({Role.OWNER, Role.FINANCE}),
        duties=frozenset({COLLECTING}),
        titles=Titles("Invoice {subject} sent", "Rechnung {subject} versandt", "Facture {subject} envoyée"),
    ),
    NoticeType.INVOICE_PAID: Kind(
        label="Invoice paid",
        entity=Entity.INVOICE,
        parties=frozenset({Party.CREATOR, Party.DEAL_OWNER}),
        roles=frozenset({Role.OWNER, Role.CEO, Role.FINANCE}),
        duties=frozenset({MANAGING, COLLECTING}),
        titles=Titles("Invoice {subject} paid", "Rechnung {subject} bezahlt", "Facture {subject} payée"),
    ),
    NoticeType.MEMBER_JOINED: Kind(
        label="Somebody joined",
        entity=Entity.USER,
        parties=frozenset({Party.INVITER}),
        roles=frozenset({Role.OWNER, Role.ADMIN}),
        duties=frozenset({STAFFING}),
        titles=Titles("{subject} has joined", "{subject} ist jetzt dabei", "{subject} a rejoint l'équipe"),
    ),
    NoticeType.IMPORT_FINISHED: Kind(
        label="My import has ended",
        entity=Entity.IMPORT,
        parties=frozenset({Party.STARTER}),
        titles=Titles(
            "Import ended: {subject}", "Import beendet: {subject}", "Importation terminée : {subject}"
        ),
    ),
}


def link_to(entity: Entity, entity_id: UUID) -> str:
    """Where the web console shows an entity; a path, since the host is the reader's."""
    return LINKS[entity].format(id=entity_id)
