"""Platform tokens: identity makes them for those who own the platform, and nobody else takes them."""

import hmac
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from chassis.auth import Actor
from chassis.errors import Unauthenticated
from chassis.ids import new_id
from chassis.queries import Reader
from identity.reception import NOBODY, PLATFORM_AUDIENCE, Reception
from identity.store import platform_owners

SCOPE = "platform"
LIFETIME = timedelta(hours=1)
SETUP = "Platform setup"
"""The name of whoever has the bootstrap token."""


class PlatformToken(NamedTuple):
    """A platform token and its lifetime in seconds."""

    access_token: str
    expires_in: int


async def issue(
    reception: Reception, user_id: UUID, name: str, credential: str, now: datetime
) -> PlatformToken:
    """A token that is good for an hour, and only as long as the credential it was made with is."""
    issued_at, seconds = int(now.timestamp()), int(LIFETIME.total_seconds())
    claims = {
        "iss": reception.settings.token_issuer,
        "aud": PLATFORM_AUDIENCE,
        "sub": str(user_id),
        "org": str(NOBODY),
        "scope": SCOPE,
        "name": name,
        "sid": reception.seals.credential_mark(credential),
        "ver": 0,
        "jti": str(new_id()),
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + seconds,
    }
    return PlatformToken(await reception.keyring.sign(claims, now), seconds)


async def verify(reception: Reception, token: str) -> Actor:
    """Whose token it is; Unauthenticated when it is none, or when its owner may not act for the platform any more."""
    actor = await reception.platform_verifier.verify(token)
    credential = await _credential_of(reception, actor)
    mark = reception.seals.credential_mark(credential) if credential else ""
    if not actor.may(SCOPE) or not hmac.compare_digest(mark, actor.session_id):
        raise Unauthenticated("The access token is not valid.")
    return actor


async def bootstrap_token(reception: Reception, reader: Reader) -> str | None:
    """The token that opens the platform's doors until it has an owner; None from then on."""
    token = reception.settings.bootstrap_token
    if token is None or await platform_owners.is_there_any(reader):
        return None
    return token.get_secret_value()


async def _credential_of(reception: Reception, actor: Actor) -> str | None:
    """What the actor would have to show now; None when nothing would do."""
    async with reception.source.reading(actor) as reading:
        if actor.id == NOBODY:
            return await bootstrap_token(reception, reading)
        owner = await platform_owners.find(reading, UUID(str(actor.id)))
    return owner.password_hash if owner is not None and owner.is_active else None
