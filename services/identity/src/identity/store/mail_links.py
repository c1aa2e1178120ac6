"""Links in mails. All of it is read by the system role: a person belongs to no tenant."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from chassis.queries import Lookup
from chassis.tx import Reading
from identity.domain.accounts import Account
from identity.domain.mail_links import LinkKind, MailLink
from identity.domain.organisations import Organisation

_LINK, _ACCOUNT, _ORGANISATION = MailLink.__table__.c, Account.__table__.c, Organisation.__table__.c
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
    )
)


async def find_alive(reading: Reading, org_id: UUID, kind: LinkKind, link_id: UUID) -> Any | None:
    """A link that can still be used with what its mail says, if it is told in that organisation."""
    rows = await reading.rows(_ALIVE, org_id=org_id, kind=kind.value, link_id=link_id, now=reading.now)
    return rows[0] if rows else None
