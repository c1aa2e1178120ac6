"""Links in mails. All of it is read by the system role: a person belongs to no tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.deleting import delete_some
from chassis.queries import Lookup, Reader
from chassis.tx import Reading
from identity.domain.accounts import Account
from identity.domain.mail_links import LinkKind, MailLink
from identity.domain.organisations import Organisation

_LINK, _ACCOUNT, _ORGANISATION = MailLink.__table__.c, Account.__table__.c, Organisation.__table__.c
_TAKEN = aliased(Account)
# tenantless: whose mail it is belongs to no organisation; the one in which it is told is named
_ALIVE = Lookup(
    select(
        _LINK.id,
        _LINK.email,
        _LINK.expires_at,
        _ACCOUNT.name,
        func.coalesce(_ACCOUNT.locale, _ORGANISATION.locale).label("locale"),
        _ORGANISATION.name.label("organisation"),
    )
    .join(Account, _ACCOUNT.id == _LINK.user_id)
    .join(Organisation, _ORGANISATION.org_id == _LINK.home_org_id)
    .where(
        _LINK.id == bindparam("link_id"),
        _LINK.kind == bindparam("kind"),
        _LINK.home_org_id == bindparam("org_id"),
        _LINK.used_at.is_(None),
        _LINK.voided_at.is_(None),
        _LINK.expires_at > bindparam("now"),
        _ACCOUNT.is_active,
        ~exists().where(_TAKEN.email == _LINK.new_email),
    )
)


_OWNER = Lookup(
    # tenantless: whoever holds the token of a link has nothing else; by the system role
    select(_LINK.user_id).where(
        _LINK.id == bindparam("link_id"),
        _LINK.kind == bindparam("kind"),
        _LINK.used_at.is_(None),
        _LINK.voided_at.is_(None),
        _LINK.expires_at > bindparam("now"),
    )
)


async def find_owner(reader: Reader, kind: LinkKind, link_id: UUID, now: datetime) -> UUID | None:
    """Whose link it is, if it can still be used."""
    rows = await reader.rows(_OWNER, kind=kind.value, link_id=link_id, now=now)
    return rows[0].user_id if rows else None


async def list_usable(session: AsyncSession, user_id: UUID, now: datetime) -> Sequence[MailLink]:
    """A person's links that are not voided or too old, used ones included, locked; the caller has locked the person."""
    # tenantless: a person belongs to no organisation
    wanted = select(MailLink).where(
        MailLink.user_id == user_id, MailLink.voided_at.is_(None), MailLink.expires_at > now
    )
    return (await session.scalars(wanted.order_by(MailLink.id).with_for_update())).all()


async def count_since(session: AsyncSession, user_id: UUID, kind: LinkKind, since: datetime) -> int:
    """How many mails of a kind a person was sent since an instant; the caller has locked the person."""
    # tenantless: a person belongs to no organisation
    counted = select(func.count()).where(
        MailLink.user_id == user_id, MailLink.kind == kind.value, MailLink.created_at > since
    )
    return int(await session.scalar(counted) or 0)


async def is_there(session: AsyncSession, link_id: UUID) -> bool:
    """Whether a link was issued, whatever has become of it."""
    # tenantless: a person belongs to no organisation
    return bool(await session.scalar(select(exists().where(MailLink.id == link_id))))


async def forget(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete links that nobody could use since an instant; how many."""
    # tenantless: clean-up by the system role
    return await delete_some(session, MailLink, MailLink.expires_at < before, limit)


async def find_alive(reading: Reading, org_id: UUID, kind: LinkKind, link_id: UUID) -> Any | None:
    """A link that can still be used with what its mail says, if it is told in that organisation.

    None too when it would change an address to one that somebody else has.
    """
    rows = await reading.rows(_ALIVE, org_id=org_id, kind=kind.value, link_id=link_id, now=reading.now)
    return rows[0] if rows else None
