"""Facts out: who has something new, which mail was taken or given up. Addresses and texts stay here."""

from collections.abc import Mapping
from typing import Any

from chassis.tx import Fact
from execos.notifications.v1.events_pb2 import EmailFailed, EmailSent, NotificationCreated
from execos.notifications.v1.snapshots_pb2 import EmailSnapshot
from notifications.domain.deliveries import Delivery
from notifications.domain.mails import Mail


def notification_created(row: Mapping[str, Any]) -> Fact:
    """Somebody has something new in their inbox."""
    message = NotificationCreated(
        id=str(row["id"]),
        recipient_user_id=str(row["recipient_id"]),
        type=row["type"],
        entity_type=row["about_type"],
        entity_id=str(row["about_id"]),
        created_at=row["created_at"],
    )
    return Fact(message, row["id"], row["version"])


def email_sent(mail: Mail, delivery: Delivery) -> Fact:
    """The mail server took a mail."""
    return Fact(EmailSent(email=snapshot(mail, delivery)), mail.id, mail.version)


def email_failed(mail: Mail, delivery: Delivery) -> Fact:
    """A mail was given up."""
    message = EmailFailed(email=snapshot(mail, delivery), error=delivery.error or "")
    return Fact(message, mail.id, mail.version)


def snapshot(mail: Mail, delivery: Delivery) -> EmailSnapshot:
    """A mail as others may know it."""
    message = EmailSnapshot(
        id=str(mail.id),
        version=mail.version,
        message_id=mail.message_id or "",
        type=mail.template,
        entity_type=mail.about_type,
        entity_id=str(mail.about_id),
        recipient_user_id=str(mail.recipient_id) if mail.recipient_id else None,
        attempts=delivery.attempts,
    )
    message.at.FromDatetime(mail.updated_at)
    return message
