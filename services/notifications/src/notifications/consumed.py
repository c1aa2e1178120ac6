"""Facts in: copies of what others own, what people are told of, and the mails that are sent."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date
from typing import Any
from uuid import UUID

from chassis.inbox import Handlers, Received
from chassis.money import Money
from chassis.tx import Tx
from clients.identity.copies import DELETION, member_facts, organisation_facts, role_facts
from notifications.copies import MEMBERS, ORGANISATIONS, ROLES
from notifications.domain.access import Entity
from notifications.domain.catalogue import NoticeType, Party
from notifications.domain.happenings import Details, Happening
from notifications.domain.mails import OF_A_PERSON, Template
from notifications.domain.notifications import Cause
from notifications.domain.ownership import Ownership
from notifications.usecases.mails import NewMail, queue_mail
from notifications.usecases.notifications import notify
from notifications.usecases.owners import find_deal_owner, follow_owner


async def on_item_assigned(tx: Tx, fact: Received) -> None:
    """The new assignee is told."""
    await _tell_of_item(tx, fact, NoticeType.WORK_ITEM_ASSIGNED)


async def on_item_completed(tx: Tx, fact: Received) -> None:
    """Whoever wanted it done is told."""
    await _tell_of_item(tx, fact, NoticeType.WORK_ITEM_COMPLETED)


async def on_lead(tx: Tx, fact: Received) -> None:
    """A new owner is told."""
    lead = fact.message.lead
    owner = Ownership(fact.version, _id(lead.owner_user_id))
    is_creation = fact.type == "sales.lead.created.v1"
    if await follow_owner(tx, (Entity.LEAD, UUID(lead.id)), owner, is_creation=is_creation):
        details = Details(lead.title, company=lead.company.name)
        parties = {Party.OWNER: owner.owner_id}
        await notify(tx, _cause(fact), Happening(NoticeType.LEAD_ASSIGNED, UUID(lead.id), details, parties))


async def on_deal(tx: Tx, fact: Received) -> None:
    """A new owner is told."""
    owner = Ownership(fact.version, _id(fact.message.deal.owner_user_id))
    is_creation = fact.type == "sales.deal.created.v1"
    deal_id = UUID(fact.message.deal.id)
    if await follow_owner(tx, (Entity.DEAL, deal_id), owner, is_creation=is_creation):
        await _tell_of_deal(tx, fact, NoticeType.DEAL_ASSIGNED)


async def on_deal_won(tx: Tx, fact: Received) -> None:
    """Owner, management and whoever writes the invoice are told."""
    await on_deal(tx, fact)
    await _tell_of_deal(tx, fact, NoticeType.DEAL_WON)


async def on_deal_lost(tx: Tx, fact: Received) -> None:
    """Owner and management are told."""
    await on_deal(tx, fact)
    await _tell_of_deal(tx, fact, NoticeType.DEAL_LOST)


async def on_note_added(tx: Tx, fact: Received) -> None:
    """Whoever is mentioned is told, if they may read what the note is on."""
    await _tell_of_note(tx, fact, fact.message.mentioned_user_ids)


async def on_note_updated(tx: Tx, fact: Received) -> None:
    """Whoever is mentioned now and was not before is told."""
    await _tell_of_note(tx, fact, fact.message.newly_mentioned_user_ids)


async def on_import_finished(tx: Tx, fact: Received) -> None:
    """Whoever started it is told how it ended: they have gone on to something else meanwhile."""
    run = fact.message
    # Its job is the starter's doing, but what it tells is news to them.
    cause = Cause(fact.id, "system", None)
    note = f"{run.status}: +{run.created} ~{run.updated} ={run.skipped} !{run.invalid}"
    details = Details(run.file_name, note=note)
    parties = {Party.STARTER: _id(run.started_by_user_id)}
    await notify(tx, cause, Happening(NoticeType.IMPORT_FINISHED, UUID(run.id), details, parties))


async def on_invoice_sent(tx: Tx, fact: Received) -> None:
    """Who has to do with the invoice is told, and the buyer gets it by mail."""
    await _tell_of_invoice(tx, fact, NoticeType.INVOICE_SENT, is_unmailable=not fact.message.buyer_email)
    if fact.message.buyer_email:
        await queue_mail(tx, _invoice_mail(fact))


async def on_invoice_paid(tx: Tx, fact: Received) -> None:
    """Who has to do with the invoice is told."""
    await _tell_of_invoice(tx, fact, NoticeType.INVOICE_PAID)


async def on_member_invited(tx: Tx, fact: Received) -> None:
    """The person gets the link by mail; every new mail of an invitation voids the older."""
    await COPIES[fact.type](tx, fact)
    if fact.message.invitation_id:  # the first release invited without mails
        link = {
            "kind": "INVITATION",
            "subject": fact.message.invitation_id,
            "generation": fact.message.generation,
        }
        await queue_mail(tx, _account_mail(fact, Template.MEMBER_INVITED, fact.message.member.user_id, link))


async def on_member_joined(tx: Tx, fact: Received) -> None:
    """Who invited them, and whoever administers the organisation, is told."""
    await COPIES[fact.type](tx, fact)
    member, inviter = fact.message.member, _id(fact.message.invited_by_user_id)
    if inviter is None:
        return
    # Whoever joined did it, whichever door they came through.
    cause = Cause(fact.id, "user", UUID(member.user_id))
    details = Details(member.name, note=member.email)
    joined = Happening(NoticeType.MEMBER_JOINED, UUID(member.user_id), details, {Party.INVITER: inviter})
    await notify(tx, cause, joined)


async def on_user_registered(tx: Tx, fact: Received) -> None:
    """A new person is welcomed by mail."""
    await queue_mail(tx, _account_mail(fact, Template.WELCOME, fact.message.user.id, {}))


async def on_email_verification_requested(tx: Tx, fact: Received) -> None:
    """The mailbox that is to be confirmed gets the link."""
    link = {"kind": fact.message.kind, "subject": fact.message.link_id, "generation": 0}
    await queue_mail(tx, _account_mail(fact, Template.VERIFY_EMAIL, fact.message.user_id, link))


async def on_password_reset_requested(tx: Tx, fact: Received) -> None:
    """The person gets the link."""
    link = {"kind": "PASSWORD_RESET", "subject": fact.message.link_id, "generation": 0}
    await queue_mail(tx, _account_mail(fact, Template.PASSWORD_RESET, fact.message.user_id, link))


async def on_security_event(tx: Tx, fact: Received) -> None:
    """The person concerned is warned by mail, at the mailbox that the event names or at their own."""
    event = fact.message
    if event.user_id:
        # Where somebody else sits who did it is no business of theirs.
        is_theirs = fact.actor_id in {None, UUID(event.user_id)}
        content = {
            "type": event.type,
            "at": event.at.ToDatetime(UTC).isoformat(),
            "ip": event.ip if is_theirs else "",
            "userAgent": event.user_agent if is_theirs else "",
        }
        alert = _account_mail(fact, Template.SECURITY_ALERT, event.user_id, content)
        await queue_mail(tx, replace(alert, to_address=event.former_email or OF_A_PERSON))


COPIES: Handlers = {**member_facts(MEMBERS), **role_facts(ROLES), **organisation_facts(ORGANISATIONS)}
HANDLERS: Handlers = {
    **COPIES,
    **DELETION,
    "identity.member.invited.v1": on_member_invited,
    "identity.member.joined.v1": on_member_joined,
    "identity.user.registered.v1": on_user_registered,
    "identity.email.verification_requested.v1": on_email_verification_requested,
    "identity.password.reset_requested.v1": on_password_reset_requested,
    "identity.security_event.raised.v1": on_security_event,
    **{
        f"sales.lead.{name}.v1": on_lead
        for name in ("created", "updated", "qualified", "disqualified", "reopened", "converted")
    },
    **{f"sales.deal.{name}.v1": on_deal for name in ("created", "updated", "reopened")},
    "sales.deal.won.v1": on_deal_won,
    "sales.deal.lost.v1": on_deal_lost,
    "sales.note.added.v1": on_note_added,
    "sales.note.updated.v1": on_note_updated,
    "sales.import.finished.v1": on_import_finished,
    "work.item.assigned.v1": on_item_assigned,
    "work.item.completed.v1": on_item_completed,
    "billing.invoice.sent.v1": on_invoice_sent,
    "billing.invoice.paid.v1": on_invoice_paid,
}


async def _tell_of_item(tx: Tx, fact: Received, notice_type: NoticeType) -> None:
    item = fact.message.item
    parties = {
        Party.ASSIGNEE: _id(item.assigned_to_user_id),
        Party.CREATOR: _id(item.created_by_user_id),
        Party.DEAL_OWNER: await find_deal_owner(tx, _id(item.deal.id)),
    }
    details = Details(item.title, company=item.company.name, due_on=_day(item.due_date))
    await notify(tx, _cause(fact), Happening(notice_type, UUID(item.id), details, parties))


async def _tell_of_deal(tx: Tx, fact: Received, notice_type: NoticeType) -> None:
    deal = fact.message.deal
    amount = _money(deal.value) if deal.HasField("value") else None
    details = Details(
        deal.title, company=deal.company.name, amount=amount, note=deal.won_reason or deal.lost_reason
    )
    parties = {Party.OWNER: _id(deal.owner_user_id)}
    await notify(tx, _cause(fact), Happening(notice_type, UUID(deal.id), details, parties))


async def _tell_of_note(tx: Tx, fact: Received, user_ids: Iterable[str]) -> None:
    note = fact.message
    for mentioned in user_ids:
        happening = Happening(
            NoticeType.NOTE_MENTIONED,
            UUID(note.entity_id),
            Details(note.entity_title),
            {Party.MENTIONED: UUID(mentioned)},
            about=Entity(note.entity_type),
        )
        await notify(tx, _cause(fact), happening)


async def _tell_of_invoice(
    tx: Tx, fact: Received, notice_type: NoticeType, *, is_unmailable: bool = False
) -> None:
    invoice = fact.message.invoice
    details = Details(
        invoice.invoice_number,
        company=invoice.company.name,
        amount=_money(invoice.gross),
        due_on=_day(invoice.due_date) if notice_type is NoticeType.INVOICE_SENT else None,
        is_unmailable=is_unmailable,
    )
    parties = {
        Party.CREATOR: _id(invoice.created_by_user_id),
        Party.DEAL_OWNER: await find_deal_owner(tx, _id(invoice.deal.id)),
    }
    await notify(tx, _cause(fact), Happening(notice_type, UUID(invoice.id), details, parties))


def _invoice_mail(fact: Received) -> NewMail:
    invoice = fact.message.invoice
    content = {
        "number": invoice.invoice_number,
        "company": invoice.company.name,
        "minor": invoice.gross.minor,
        "currency": invoice.gross.currency,
        "issuedOn": invoice.issue_date,
        "dueOn": invoice.due_date,
    }
    about = (Entity.INVOICE, UUID(invoice.id))
    return NewMail(fact.id, Template.INVOICE_SENT, about, content, to_address=fact.message.buyer_email)


def _account_mail(fact: Received, template: Template, user_id: str, content: dict[str, Any]) -> NewMail:
    person = UUID(user_id)
    return NewMail(fact.id, template, (Entity.USER, person), content, recipient_id=person)


def _cause(fact: Received) -> Cause:
    return Cause(fact.id, fact.actor.partition(":")[0], fact.actor_id)


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _money(message: Any) -> Money:
    return Money(message.minor, message.currency)
