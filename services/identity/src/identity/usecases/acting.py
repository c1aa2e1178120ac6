"""As whom and where a transaction of the system role acts, once that is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

from chassis.auth import Actor
from chassis.tx import Tx


def act_as(tx: Tx, actor: Actor) -> None:
    """From here on activity and facts are this actor's, in the actor's organisation."""
    tx.actor = actor
    tx.work.org_id, tx.work.actor_id = actor.org_id, actor.id


@contextmanager
def acting_in(tx: Tx, org_id: UUID) -> Iterator[None]:
    """What happens within is told in that organisation, by the same actor."""
    before = tx.actor
    tx.actor = replace(before, org_id=org_id)
    try:
        yield
    finally:
        tx.actor = before
