"""Organisations as the platform sees them: all of them, read by the system role."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.paging import CursorRows, PageQuery, PageRows
from chassis.queries import ListQuery, Lookup, Reader
from identity.domain.accounts import Account
from identity.domain.domains import Domain
from identity.domain.members import Membership
from identity.domain.organisations import Organisation, OrganisationState
from identity.domain.provisioning import Progress, Provisioning
from identity.domain.roles import Role

_ORGANISATION, _WANTED = cast("Table", Organisation.__table__).c, cast("Table", Provisioning.__table__).c
_DOMAIN, _MEMBER = cast("Table", Domain.__table__).c, cast("Table", Membership.__table__).c
_ACCOUNT = cast("Table", Account.__table__).c


def _contains(text: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.strpos(func.lower(text), func.lower(bindparam("q"))) > 0


# tenantless: the platform looks after every organisation
_SHOWN = (
    select(*_ORGANISATION, _WANTED.owner_email, _DOMAIN.host)
    .outerjoin(Provisioning, _WANTED.org_id == _ORGANISATION.org_id)
    .outerjoin(Domain, and_(_DOMAIN.org_id == _ORGANISATION.org_id, _DOMAIN.is_primary))
)
_TENANT = Lookup(_SHOWN.where(_ORGANISATION.org_id == bindparam("org_id")))
_TENANTS = ListQuery(
    _SHOWN,
    key=_ORGANISATION.id,
    sorts={
        "createdAt": _ORGANISATION.created_at,
        "name": _ORGANISATION.name,
        "slug": _ORGANISATION.slug,
        "status": _ORGANISATION.status,
    },
    filters={
        "status": _ORGANISATION.status == bindparam("status"),
        "q": or_(_contains(_ORGANISATION.name), _contains(_ORGANISATION.slug)),
    },
)
_PERSON = (
    select(
        *(_MEMBER[name] for name in ("id", "version", "created_at", "name", "email", "role", "status")),
        _ACCOUNT.is_active,
        _ACCOUNT.last_login_at,
    )
    .join(Account, _ACCOUNT.id == _MEMBER.id)
    .where(_MEMBER.org_id == bindparam("org_id"))
)
_ONE = Lookup(_PERSON.where(_MEMBER.id == bindparam("user_id")))
_PEOPLE = ListQuery(
    _PERSON,
    key=_MEMBER.id,
    sorts={"createdAt": _MEMBER.created_at, "name": _MEMBER.name, "email": _MEMBER.email},
    filters={"q": or_(_contains(_MEMBER.name), _contains(_MEMBER.email))},
)
_HAS_DOMAIN = exists().where(_DOMAIN.org_id == _ORGANISATION.org_id)
_HAS_OWNER = exists().where(_MEMBER.org_id == _ORGANISATION.org_id, _MEMBER.role == Role.OWNER.value)
_PROGRESS = Lookup(
    select(
        _ORGANISATION.templates,
        _WANTED.template,
        _WANTED.completed_at,
        _HAS_DOMAIN.label("has_domain"),
        _HAS_OWNER.label("has_owner"),
    )
    .outerjoin(Provisioning, _WANTED.org_id == _ORGANISATION.org_id)
    .where(_ORGANISATION.org_id == bindparam("org_id"))
)


async def list_page(reader: Reader, query: PageQuery, **filters: Any) -> PageRows | CursorRows:
    """A page of all organisations."""
    return await _TENANTS.page(reader, query, **filters)


async def list_people(
    reader: Reader, org_id: UUID, query: PageQuery, **filters: Any
) -> PageRows | CursorRows:
    """A page of everybody who is or was a member, and whether they can sign in at all."""
    return await _PEOPLE.page(reader, query, org_id=org_id, **filters)


async def show_person(reader: Reader, org_id: UUID, user_id: UUID) -> Any:
    """One member; the caller has made sure of them."""
    return (await reader.rows(_ONE, org_id=org_id, user_id=user_id))[0]


async def show(reader: Reader, org_id: UUID) -> Any:
    """One organisation as the platform sees it."""
    rows = await reader.rows(_TENANT, org_id=org_id)
    if not rows:
        raise NotFound("There is no such tenant.")
    return rows[0]


async def progress(reader: Reader, org_id: UUID, *, has_hosts: bool) -> Progress:
    """Which steps of its provisioning are done; without `has_hosts` there is no domain to be had.

    What was not made by the platform needs none, and what was complete once stays so.
    """
    rows = await reader.rows(_PROGRESS, org_id=org_id)
    if not rows:
        raise NotFound("There is no such tenant.")
    row = rows[0]
    if row.template is None or row.completed_at is not None:
        return Progress(has_template=True, has_domain=True, has_owner=True)
    return Progress(row.template in row.templates, row.has_domain or not has_hosts, row.has_owner)


async def get_wanted(session: AsyncSession, org_id: UUID) -> Provisioning | None:
    """What the platform asked for; None when it did not make the organisation."""
    return await session.scalar(select(Provisioning).where(Provisioning.org_id == org_id))


async def list_cut_short(session: AsyncSession, before: datetime) -> Sequence[UUID]:
    """Organisations that are being furnished and that nobody has touched since an instant."""
    # tenantless: a job of the platform
    wanted = select(Organisation.org_id).where(
        Organisation.status == OrganisationState.PROVISIONING, Organisation.updated_at < before
    )
    return (await session.scalars(wanted)).all()


async def list_due(session: AsyncSession, now: datetime) -> Sequence[UUID]:
    """Organisations whose days of grace are over."""
    # tenantless: a job of the platform
    wanted = select(Organisation.org_id).where(
        Organisation.status == OrganisationState.ARCHIVED, Organisation.deletion_due_at <= now
    )
    return (await session.scalars(wanted)).all()


async def find_due(session: AsyncSession, org_id: UUID, now: datetime) -> Organisation | None:
    """The organisation, locked, if its days of grace are over; None when it was revived or is gone."""
    wanted = select(Organisation).where(
        Organisation.org_id == org_id,
        Organisation.status == OrganisationState.ARCHIVED,
        Organisation.deletion_due_at <= now,
    )
    return await session.scalar(wanted.with_for_update())
