"""What an organisation uses, and what somebody has used up of their day."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select

from chassis.queries import Lookup, Reader
from identity.domain.api_keys import ApiKey
from identity.domain.invitations import InvitationMail
from identity.domain.members import Membership, MemberState
from identity.domain.organisations import Organisation, OrganisationState
from identity.domain.own_roles import OwnRole

DAY = timedelta(days=1)

_MEMBER, _MAIL, _ROLE = Membership.__table__.c, InvitationMail.__table__.c, OwnRole.__table__.c
_ORGANISATION, _KEY = Organisation.__table__.c, ApiKey.__table__.c


def _count(*conditions: ColumnElement[bool]) -> Any:
    return select(func.count()).where(*conditions).scalar_subquery()


def _members(state: MemberState) -> Any:
    return _count(_MEMBER.org_id == bindparam("org_id"), _MEMBER.status == state.value)


# tenantless: how many organisations somebody founds a day is counted over all of them; by the system role
_USAGE = Lookup(
    select(
        _members(MemberState.ACTIVE).label("seats_used"),
        _members(MemberState.INVITED).label("invited"),
        _members(MemberState.SUSPENDED).label("suspended"),
        _count(
            _KEY.org_id == bindparam("org_id"), _KEY.revoked_at.is_(None), _KEY.expires_at > bindparam("now")
        ).label("api_keys"),
        _count(_ROLE.org_id == bindparam("org_id")).label("roles"),
        _count(
            _MAIL.org_id == bindparam("org_id"),
            _MAIL.sent_by_user_id == bindparam("user_id"),
            _MAIL.sent_at > bindparam("since"),
        ).label("invitations_sent_today"),
        _count(
            _ORGANISATION.created_by_user_id == bindparam("user_id"),
            _ORGANISATION.created_at > bindparam("since"),
            _ORGANISATION.status != OrganisationState.ARCHIVED.value,
        ).label("organisations_founded_today"),
    )
)


async def show(reader: Reader, org_id: UUID, user_id: UUID | None, now: datetime) -> Any:
    """The organisation's numbers, and those of a person in the last 24 hours."""
    return (await reader.rows(_USAGE, org_id=org_id, user_id=user_id, now=now, since=now - DAY))[0]
