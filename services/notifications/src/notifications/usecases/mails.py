"""Queueing mails, and what becomes of each try to deliver one."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.tx import Tx
from notifications.domain.access import Entity
from notifications.domain.catalogue import Channel
from notifications.domain.deliveries import Delivery, Failure, Schedule, State
from notifications.domain.mails import OF_A_PERSON, Mail, Template
from notifications.jobs import DELIVER_MAIL, JOBS
from notifications.published import email_failed, email_sent
from notifications.store import deliveries, mails


@dataclass(frozen=True, slots=True)
class NewMail:
    """What a fact says of a mail that it causes."""

    event_id: UUID
    template: Template
    about: tuple[Entity, UUID]
    content: dict[str, Any]
    to_address: str = OF_A_PERSON
    recipient_id: UUID | None = None
    """The person it is to; None for an address outside."""


async def queue_mail(tx: Tx, new: NewMail) -> None:
    """Queue a mail to be sent right after the commit; once, however often its fact is handled."""
    mail_id = new_id()
    row = {
        "org_id": tx.actor.org_id,
        "id": mail_id,
        "version": 1,
        "created_at": tx.now,
        "updated_at": tx.now,
        "event_id": new.event_id,
        "template": new.template.value,
        "to_address": new.to_address,
        "recipient_id": new.recipient_id,
        "about_type": new.about[0].value,
        "about_id": new.about[1],
        "content": new.content,
    }
    if await mails.add(tx.session, row):
        delivery = _first_delivery(tx, mail_id)
        tx.add(delivery)
        await _defer(tx, delivery)


async def begin_try(tx: Tx, mail_id: UUID, attempt: int, *, sender_domain: str) -> bool:
    """Look at a mail before it is tried; False when there is nothing to try."""
    mail, delivery = await deliveries.lock(tx.session, tx.actor.org_id, mail_id)
    if delivery.is_finished:
        return False
    mail.name(sender_domain)
    is_due = delivery.begin(tx.now, attempt)
    _settle(tx, mail, delivery)
    return is_due


async def hand_over(tx: Tx, mail_id: UUID) -> bool:
    """Note that the mail server gets the mail now; False when another worker has been faster."""
    _, delivery = await deliveries.lock(tx.session, tx.actor.org_id, mail_id)
    if delivery.is_finished or delivery.state == State.SENDING:
        return False
    delivery.hand_over(tx.now)
    return True


async def drop_mail(tx: Tx, mail_id: UUID) -> None:
    """There is nothing to say any more: quietly the end of it."""
    _, delivery = await deliveries.lock(tx.session, tx.actor.org_id, mail_id)
    if (
        not delivery.is_finished and delivery.state != State.SENDING
    ):  # another worker was faster, with a live link
        delivery.supersede(tx.now)


async def note_arrival(tx: Tx, mail_id: UUID) -> None:
    """The mail server took the mail."""
    mail, delivery = await deliveries.lock(tx.session, tx.actor.org_id, mail_id)
    if not delivery.is_finished:
        delivery.arrive(tx.now)
        _settle(tx, mail, delivery)


async def note_failure(tx: Tx, mail_id: UUID, failure: Failure, schedule: Schedule) -> None:
    """A try failed: another one is due later, or the mail is given up."""
    mail, delivery = await deliveries.lock(tx.session, tx.actor.org_id, mail_id)
    if delivery.is_finished:
        return
    if delivery.fail(tx.now, failure, schedule):
        _settle(tx, mail, delivery)
    else:
        await _defer(tx, delivery)


def _settle(tx: Tx, mail: Mail, delivery: Delivery) -> None:
    if delivery.is_finished:
        is_sent = delivery.state == State.DELIVERED
        mail.settle(tx.now, is_sent=is_sent)
        tx.publish(email_sent(mail, delivery) if is_sent else email_failed(mail, delivery))


async def _defer(tx: Tx, delivery: Delivery) -> None:
    await JOBS.defer(
        tx,
        DELIVER_MAIL,
        run_at=delivery.next_at,
        mail_id=str(delivery.mail_id),
        attempt=delivery.attempts + 1,
    )


def _first_delivery(tx: Tx, mail_id: UUID) -> Delivery:
    return Delivery(
        org_id=tx.actor.org_id,
        id=new_id(),
        mail_id=mail_id,
        channel=Channel.EMAIL.value,
        state=State.QUEUED.value,
        attempts=0,
        interruptions=0,
        next_at=tx.now,
        created_at=tx.now,
        updated_at=tx.now,
    )
