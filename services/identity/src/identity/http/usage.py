"""The door about what an organisation uses of its limits."""

from typing import Annotated

from fastapi import Depends, Request

from chassis.auth import Actor
from chassis.guards import READING_KEY, Requires
from chassis.http import router
from chassis.schema import Out
from chassis.tx import Reading
from identity.domain.own_roles import MAX_OWN_ROLES
from identity.domain.permissions import Permission
from identity.http.guards import Desk
from identity.store import usage as store

usage = router("organisations")

MayRead = Annotated[Actor, Depends(Requires(Permission.ORGANISATION_READ))]


class LimitsOut(Out):
    """What cannot be exceeded; a day is the last 24 hours, and counted per person."""

    roles: int
    invitations_per_day: int
    organisations_per_day: int


class UsageOut(Out):
    """How much is used; what is counted today is the reader's own."""

    seats_used: int
    invited: int
    suspended: int
    api_keys: int
    roles: int
    invitations_sent_today: int
    organisations_founded_today: int
    limits: LimitsOut


@usage.get("/org/usage", name="readUsage", response_model=UsageOut)
async def read_usage(request: Request, actor: MayRead, desk: Desk) -> UsageOut:
    """What the organisation uses, and the limits."""
    reading = request.scope[READING_KEY] = Reading(desk.source, actor)
    used = await store.show(reading, actor.org_id, actor.id, reading.now)
    limits = LimitsOut(
        roles=MAX_OWN_ROLES,
        invitations_per_day=desk.settings.invitations_per_day,
        organisations_per_day=desk.settings.organisations_per_day,
    )
    return UsageOut(**used._asdict(), limits=limits)
