"""Keeping what somebody prefers."""

from typing import Any
from uuid import UUID

from chassis.auth import Actor
from chassis.errors import Denied
from chassis.tx import Tx
from identity.domain.preferences import Preferences
from identity.store import members, preferences


async def replace_preferences(tx: Tx, actor: Actor, choices: dict[str, Any]) -> Preferences:
    """One's own choices in this organisation, as given."""
    user_id = _person(actor)
    # The membership first: two who come with the first choices wait for each other.
    await members.get(tx.session, actor.org_id, user_id)
    stored = await preferences.find(tx.session, actor.org_id, user_id)
    kept = stored or Preferences.of(actor.org_id, user_id, choices, tx.now)
    tx.expect(kept)
    if stored is None:
        tx.add(kept)
    kept.choices = choices
    tx.record(kept, "UPDATE")
    return kept


def _person(actor: Actor) -> UUID:
    if actor.id is None:
        raise Denied("Only a person has preferences.")
    return actor.id
