"""Security events of all organisations, for whoever watches over the platform."""

from typing import Any

from sqlalchemy import bindparam, select

from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Reader
from identity.domain.organisations import Organisation
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
