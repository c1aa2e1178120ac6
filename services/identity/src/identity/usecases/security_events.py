"""Security events: raised in the transaction of what they are about."""

from uuid import UUID

from chassis.ids import new_id
from chassis.tx import Tx
from identity.domain.security_events import SecurityEvent
from identity.published import security_event_raised


def raise_event(
    tx: Tx,
    kind: str,
    severity: str,
    description: str,
    *,
    user_id: UUID | None,
    former_email: str | None = None,
) -> None:
    """Keep and tell what whoever watches over the transaction's organisation should look at.

    The person is warned by mail, at `former_email` where their present address is what somebody has changed.
    """
    event = SecurityEvent(
        org_id=tx.actor.org_id,
        id=new_id(),
        type=kind,
        severity=severity,
        description=description,
        user_id=user_id,
        ip=tx.work.ip,
        at=tx.now,
    )
    tx.add(event)
    tx.publish(security_event_raised(event, tx.work.user_agent, former_email=former_email))
