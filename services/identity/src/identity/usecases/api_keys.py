"""What can be done with API keys: made, rotated, revoked, and shown at the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from chassis.auth import Actor, ActorKind
from chassis.errors import Unauthenticated
from chassis.tenants import FeatureDisabled
from chassis.tx import Tx
from identity.domain.api_keys import (
    USE_NOTED_AFTER,
    ApiKey,
    check_expiry,
    check_scopes,
    granted,
    new_text,
)
from identity.domain.seats import Seat
from identity.published import api_key_created, api_key_revoked, api_key_rotated
from identity.store import accounts, api_keys

FEATURE = "api-keys"
NOT_VALID = "The API key is not valid."


class Shown(NamedTuple):
    """A new key and its text, which nobody sees again."""

    key: ApiKey
    text: str


class Wish(NamedTuple):
    """What somebody wants of a new key."""

    name: str
    scopes: Sequence[str]
    expires_at: datetime | None
    rate_limit_per_hour: int


class Holder(NamedTuple):
    """A key that opens something, with the place of its creator, whose rights are its limit."""

    key: ApiKey
    seat: Seat
    scopes: Sequence[str]

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims of the access token that stands for the key."""
        key_id = str(self.key.id)
        return {
            "kind": ActorKind.KEY.value,
            "sub": key_id,
            "sid": key_id,
            "org": str(self.key.org_id),
            "org_slug": self.seat.organisation.slug,
            "role": "API_KEY",
            "scope": " ".join(self.scopes),
            "maker": str(self.seat.membership.id),
            "ver": self.seat.membership.version,
            "name": self.key.name,
        }

    def check_open(self) -> None:
        """Raise OrganisationInactive or FeatureDisabled where no key is let in at present."""
        self.seat.organisation.check_active()
        if FEATURE not in self.seat.organisation.features:
            raise FeatureDisabled("This organisation has switched API keys off.", feature=FEATURE)


async def create_key(tx: Tx, actor: Actor, wish: Wish, *, is_production: bool) -> Shown:
    """A key with a part of what the actor may do."""
    check_scopes(actor, wish.scopes)
    expires_at = check_expiry(wish.expires_at, tx.now)
    text = new_text(is_production=is_production)
    values = wish._asdict() | {"scopes": sorted(set(wish.scopes)), "expires_at": expires_at}
    key = ApiKey.of(actor, text, tx.now, **values)
    tx.add(key)
    tx.record(key, "API_KEY_CREATE")
    tx.publish(api_key_created(key))
    return Shown(key, text)


async def rotate_key(tx: Tx, actor: Actor, key_id: UUID, overlap: timedelta, *, is_production: bool) -> Shown:
    """The successor of a key, which itself opens what it did until the overlap ends."""
    key = await api_keys.get(tx.session, actor.org_id, key_id)
    tx.expect(key)
    text = new_text(is_production=is_production)
    successor = key.succeed(actor, text, tx.now, overlap)
    tx.record(key, "API_KEY_ROTATE")
    tx.add(successor)
    tx.record(successor, "API_KEY_CREATE")
    tx.publish(api_key_rotated(successor, key))
    if key.revoked_at is not None:
        tx.publish(api_key_revoked(key))
    return Shown(successor, text)


async def revoke_key(tx: Tx, actor: Actor, key_id: UUID) -> None:
    """End a key at once, everywhere."""
    key = await api_keys.get(tx.session, actor.org_id, key_id)
    tx.expect(key)
    _revoke(tx, key)


async def revoke_keys_of(tx: Tx, org_id: UUID, user_id: UUID) -> None:
    """End the keys of a person who works here no more: nobody would know what they are for."""
    for key in await api_keys.lock_of_creator(tx.session, org_id, user_id):
        _revoke(tx, key)


async def look_up_key(tx: Tx, digest: bytes) -> Holder:
    """Who shows a key; Unauthenticated when it opens nothing."""
    key = await api_keys.find_by_digest(tx.session, digest)
    if key is None or not key.is_live(tx.now):
        raise Unauthenticated(NOT_VALID)
    seat = await accounts.find_seat(tx, key.org_id, key.created_by_user_id)
    if seat is None or not seat.is_open:
        raise Unauthenticated(NOT_VALID)
    if key.last_used_at is None or tx.now - key.last_used_at >= USE_NOTED_AFTER:
        key.last_used_at = tx.now  # only looked at, so no new version
    scope = str(seat.claims(key.id)["scope"])
    creator = replace(seat.actor, scope=frozenset(scope.split()))
    return Holder(key, seat, granted(key.scopes, creator))


def _revoke(tx: Tx, key: ApiKey) -> None:
    key.revoke(tx.now)
    tx.record(key, "API_KEY_REVOKE")
    tx.publish(api_key_revoked(key))
