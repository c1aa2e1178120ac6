"""Telling people what happened, and noting that they read it."""

from typing import Any
from uuid import UUID

from chassis.auth import Actor
from chassis.ids import new_id
from chassis.tx import Tx
from notifications.domain.catalogue import Channel, link_to
from notifications.domain.happenings import Happening
from notifications.domain.language import Language, language_of
from notifications.domain.notifications import Cause
from notifications.published import notification_created
from notifications.store import members, notifications, organisations


async def notify(tx: Tx, cause: Cause, happening: Happening) -> None:
    """Tell everybody concerned who may know, once; nobody where the module is off."""
    kind = happening.kind
    if Channel.IN_APP not in kind.channels:
        return
    org_id = tx.actor.org_id
    candidates = await members.list_candidates(tx, org_id, happening.concerned, kind)
    recipients = happening.recipients(candidates, cause.actor_id)
    if not recipients:
        return
    organisation = await organisations.find(tx, org_id)
    if not organisation.is_told:
        return
    language = language_of(organisation.locale)
    rows = [_row(tx, cause, happening, language, recipient) for recipient in recipients]
    told = await notifications.add(tx.session, rows)
    for row in rows:
        if row["id"] in told:
            tx.publish(notification_created(row))


async def mark_read(tx: Tx, actor: Actor, notification_id: UUID) -> Any:
    """One of the actor's own as read; reading what is read changes nothing."""
    notification = await notifications.get(tx.session, actor, notification_id, lock=True)
    tx.expect(notification)
    notification.read(tx.now)
    return await notifications.show(tx, actor, notification_id)


async def mark_all_read(tx: Tx, actor: Actor) -> int:
    """All of the actor's own as read; how many were not."""
    return await notifications.mark_all_read(tx.session, actor, tx.now)


def _row(tx: Tx, cause: Cause, happening: Happening, language: Language, recipient: UUID) -> dict[str, Any]:
    return {
        "org_id": tx.actor.org_id,
        "id": new_id(),
        "version": 1,
        "created_at": tx.now,
        "updated_at": tx.now,
        "recipient_id": recipient,
        "event_id": cause.event_id,
        "type": happening.type.value,
        "title": happening.title(language),
        "body": happening.body(language),
        "link": link_to(happening.entity, happening.entity_id),
        "about_type": happening.entity.value,
        "about_id": happening.entity_id,
        "actor_kind": cause.actor_kind,
        "actor_id": cause.actor_id,
    }
