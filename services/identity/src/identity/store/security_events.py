"""Security events: for whoever watches over the platform, until their organisation keeps them no longer."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.deleting import delete_some
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Reader
from identity.domain.organisations import Organisation
from identity.domain.policies import Policies
from identity.domain.security_events import SecurityEvent

_EVENT, _ORGANISATION = SecurityEvent.__table__.c, Organisation.__table__.c
_LIST = ListQuery(
    # tenantless: the platform watches over every organisation
    select(*_EVENT, _ORGANISATION.slug.label("org_slug")).join(
        Organisation, _ORGANISATION.org_id == _EVENT.org_id
    ),
    key=_EVENT.id,
    sorts={"at": _EVENT.at, "severity": _EVENT.severity, "type": _EVENT.type},
    filters={
        "severity": _EVENT.severity == bindparam("severity"),
        "type": _EVENT.type == bindparam("type"),
        "organisation": _EVENT.org_id == bindparam("organisation"),
        "begin": _EVENT.at >= bindparam("begin"),
        "end": _EVENT.at < bindparam("end"),
    },
)


async def list_page(reader: Reader, query: PageQuery, **filters: Any) -> PageRows | CursorRows:
    """A page of security events, newest first."""
    return await _LIST.page(reader, query, **filters)


async def forget(session: AsyncSession, now: datetime, limit: int) -> int:
    """Delete events that are older than their organisation keeps them; how many."""
    kept = func.make_interval(0, 0, 0, Policies.security_event_retention_days)
    # tenantless: clean-up by the system role
    is_old = exists().where(Policies.org_id == SecurityEvent.org_id, SecurityEvent.at < now - kept)
    # tenantless: clean-up by the system role
    return await delete_some(session, SecurityEvent, is_old, limit)
