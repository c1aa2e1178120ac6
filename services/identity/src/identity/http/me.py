"""Doors about oneself, and the catalogue of what can be permitted."""

from typing import Any
from uuid import UUID

from fastapi import Request

from chassis.auth import Actor, TokenRevoked
from chassis.guards import READING_KEY, Arriving, SignedIn
from chassis.http import router
from chassis.schema import In, Out, absent
from chassis.tx import Reading
from identity.domain.permissions import CATALOGUE
from identity.http.guards import Desk, InSystemTx
from identity.http.shapes import Locale, PersonName, TimeZone
from identity.store import accounts
from identity.usecases.profile import change_profile
from identity.usecases.sessions import own_id

me = router("auth")
permissions = router("permissions")


class MembershipOut(Out):
    """An organisation one can switch to."""

    org_id: UUID
    org_name: str
    org_slug: str
    role: str
    status: str


class MeOut(Out):
    """Who is signed in, where, and what they may do there."""

    id: UUID
    name: str
    email: str
    email_verified: bool
    time_zone: str | None
    locale: str | None
    version: int
    role: str
    org_id: UUID
    active_org_id: UUID
    permissions: list[str]
    memberships: list[MembershipOut]


class MePatch(In):
    """What a person may change of themselves; without a zone or language those of the organisation apply."""

    name: PersonName = absent()
    time_zone: TimeZone | None = None
    locale: Locale | None = None


class PermittedOut(Out):
    """One permission of the catalogue."""

    key: str
    description: str
    context: str


class CatalogueOut(Out):
    """Every permission there is."""

    items: list[PermittedOut]


@me.get("/auth/me", name="me", response_model=MeOut)
async def read(request: Request, actor: Arriving, desk: Desk) -> dict[str, Any]:
    """The signed-in person."""
    reading = request.scope[READING_KEY] = Reading(desk.source, actor)
    rows = await accounts.list_memberships(reading, UUID(str(actor.id)), UUID(actor.session_id))
    return _me(actor, rows)


@me.patch("/auth/me", name="changeMe", response_model=MeOut)
async def change(body: MePatch, actor: SignedIn, tx: InSystemTx) -> dict[str, Any]:
    """Change what is one's own: name, time zone, language."""
    await change_profile(tx, actor, body.changes())
    return _me(actor, await accounts.list_memberships(tx, own_id(actor), UUID(actor.session_id)))


@permissions.get("/permissions", name="list", response_model=CatalogueOut)
async def catalogue(actor: SignedIn) -> dict[str, Any]:  # noqa: ARG001 - any signed-in person may know
    """What can be permitted."""
    return {"items": CATALOGUE}


def _me(actor: Actor, rows: Any) -> dict[str, Any]:
    here = next((row for row in rows if row.org_id == actor.org_id), None)
    if here is None:
        raise TokenRevoked("This session has ended; sign in again.")
    return {
        "id": here.id,
        "name": here.name,
        "email": here.email,
        "email_verified": here.email_verified,
        "time_zone": here.time_zone,
        "locale": here.locale,
        "version": here.version,
        "role": here.role,
        "org_id": here.org_id,
        "active_org_id": here.org_id,
        "permissions": [each.key for each in CATALOGUE if actor.may(each.key)],
        "memberships": rows,
    }
