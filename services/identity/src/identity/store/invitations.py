"""Invitations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from identity.domain.accounts import Account
from identity.domain.invitations import Invitation, InvitationMail, InvitationState
from identity.domain.members import Membership, MemberState
from identity.domain.organisations import Organisation
from identity.domain.own_roles import OwnRole

_COLUMNS, _MEMBER, _ACCOUNT = Invitation.__table__.c, Membership.__table__.c, Account.__table__.c
_ORGANISATION, _ROLE = Organisation.__table__.c, OwnRole.__table__.c
_INVITERS = Membership.__table__.alias("inviter")
_INVITER = _INVITERS.c
_SHOWN = select(
    *(_COLUMNS[name] for name in ("id", "version", "created_at", "updated_at", "user_id", "email", "name")),
    *(_COLUMNS[name] for name in ("role", "status", "expires_at", "accepted_at", "invited_by_user_id")),
).where(_COLUMNS.org_id == bindparam("org_id"))
_ONE = Lookup(_SHOWN.where(_COLUMNS.id == bindparam("invitation_id")))
_ALIVE = Lookup(
    select(
        _COLUMNS.id,
        _COLUMNS.expires_at,
        _MEMBER.email,
        _MEMBER.role,
        func.coalesce(_COLUMNS.name, _ACCOUNT.name).label("name"),
        func.coalesce(_ACCOUNT.locale, _ORGANISATION.locale).label("locale"),
        _ORGANISATION.name.label("organisation"),
        _INVITER.name.label("inviter"),
        _ROLE.name.label("role_name"),
    )
    .join(Membership, (_MEMBER.org_id == _COLUMNS.org_id) & (_MEMBER.id == _COLUMNS.user_id))
    .join(Account, _ACCOUNT.id == _COLUMNS.user_id)
    .join(Organisation, _ORGANISATION.org_id == _COLUMNS.org_id)
    .outerjoin(_INVITERS, (_INVITER.org_id == _COLUMNS.org_id) & (_INVITER.id == _COLUMNS.invited_by_user_id))
    .outerjoin(OwnRole, (_ROLE.org_id == _COLUMNS.org_id) & (_ROLE.key == _MEMBER.role))
    .where(
        _COLUMNS.org_id == bindparam("org_id"),
        _COLUMNS.id == bindparam("invitation_id"),
        _COLUMNS.generation == bindparam("generation"),
        _COLUMNS.status == InvitationState.PENDING.value,
        _COLUMNS.expires_at > bindparam("now"),
        _MEMBER.status == MemberState.INVITED.value,
        _ACCOUNT.is_active,
    )
)
_LIST = ListQuery(
    _SHOWN,
    key=_COLUMNS.id,
    sorts={"createdAt": _COLUMNS.created_at, "email": _COLUMNS.email, "expiresAt": _COLUMNS.expires_at},
    filters={"status": _COLUMNS.status == bindparam("status")},
)


async def list_page(reader: Reader, org_id: UUID, query: PageQuery, **filters: Any) -> PageRows | CursorRows:
    """A page of invitations."""
    return await _LIST.page(reader, query, org_id=org_id, **filters)


async def show(reader: Reader, org_id: UUID, invitation_id: UUID) -> Any:
    """One invitation; NotFound when there is none."""
    rows = await reader.rows(_ONE, org_id=org_id, invitation_id=invitation_id)
    if not rows:
        raise NotFound("There is no such invitation.")
    return rows[0]


async def find(session: AsyncSession, org_id: UUID, invitation_id: UUID) -> Invitation | None:
    """An invitation, locked."""
    wanted = select(Invitation).where(Invitation.org_id == org_id, Invitation.id == invitation_id)
    return await session.scalar(wanted.with_for_update())


async def get(session: AsyncSession, org_id: UUID, invitation_id: UUID) -> Invitation:
    """An invitation, locked; NotFound when there is none."""
    found = await find(session, org_id, invitation_id)
    if found is None:
        raise NotFound("There is no such invitation.")
    return found


async def find_pending(session: AsyncSession, org_id: UUID, user_id: UUID) -> Invitation | None:
    """The invitation of a person that is not used or revoked, expired or not; locked."""
    wanted = select(Invitation).where(
        Invitation.org_id == org_id,
        Invitation.user_id == user_id,
        Invitation.status == InvitationState.PENDING.value,
    )
    return await session.scalar(wanted.with_for_update())


async def find_organisation(session: AsyncSession, invitation_id: UUID) -> UUID | None:
    """Whose invitation it is."""
    # tenantless: a link names only its invitation; by the system role
    return await session.scalar(select(Invitation.org_id).where(Invitation.id == invitation_id))


async def find_alive(
    reading: Reader, org_id: UUID, invitation_id: UUID, generation: int, now: datetime
) -> Any | None:
    """What the mail of an invitation says, while its link of that generation can be used."""
    rows = await reading.rows(
        _ALIVE, org_id=org_id, invitation_id=invitation_id, generation=generation, now=now
    )
    return rows[0] if rows else None


async def count_sent(session: AsyncSession, org_id: UUID, user_id: UUID | None, since: datetime) -> int:
    """How many mails somebody has sent here since an instant, the repeated ones too."""
    counted = select(func.count()).where(
        InvitationMail.org_id == org_id,
        InvitationMail.sent_by_user_id == user_id,
        InvitationMail.sent_at > since,
    )
    return int(await session.scalar(counted) or 0)
