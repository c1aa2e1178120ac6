"""Organisations with their policies and legal profiles."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select, Table, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from identity.domain.legal import LegalProfile
from identity.domain.organisation_rows import OrganisationRows
from identity.domain.organisations import MAX_SLUG, Organisation, OrganisationState
from identity.domain.policies import Policies

_ORGANISATION = cast("Table", Organisation.__table__)
_LEGAL = cast("Table", LegalProfile.__table__)
_POLICIES = cast("Table", Policies.__table__)
_SHOWN = Lookup(
    select(*_ORGANISATION.c, func.to_jsonb(_LEGAL.table_valued()).label("legal"))
    .outerjoin(_LEGAL, _LEGAL.c.org_id == _ORGANISATION.c.org_id)
    .where(_ORGANISATION.c.org_id == bindparam("org_id"))
)
_SHOWN_POLICIES = Lookup(select(*_POLICIES.c).where(_POLICIES.c.org_id == bindparam("org_id")))


async def show(reader: Reader, org_id: UUID) -> Any:
    """The organisation with its legal profile, as it is answered."""
    return _one(await reader.rows(_SHOWN, org_id=org_id))


async def show_policies(reader: Reader, org_id: UUID) -> Any:
    """The policies, as they are answered."""
    return _one(await reader.rows(_SHOWN_POLICIES, org_id=org_id))


async def get(session: AsyncSession, org_id: UUID, *, lock: bool = False) -> OrganisationRows:
    """An organisation with policies and legal profile; with `lock`, whoever changes it or its people waits in line."""
    wanted = _rows().where(Organisation.org_id == org_id)
    found = (await session.execute(wanted.with_for_update(of=Organisation) if lock else wanted)).one_or_none()
    if found is None:
        raise NotFound("There is no such organisation.")
    return OrganisationRows(*found)


async def lock(session: AsyncSession, org_id: UUID) -> None:
    """Let changes of an organisation's people happen one after the other."""
    await session.execute(select(Organisation.id).where(Organisation.org_id == org_id).with_for_update())


async def list_after(session: AsyncSession, after: UUID | None, limit: int) -> Sequence[OrganisationRows]:
    """A page of all organisations in order of id."""
    wanted = _rows()  # tenantless: backfills and daily jobs of every service, by the system role
    if after is not None:
        wanted = wanted.where(Organisation.id > after)
    return [
        OrganisationRows(*row) for row in await session.execute(wanted.order_by(Organisation.id).limit(limit))
    ]


async def find_by_slug(session: AsyncSession, slug: str) -> Organisation | None:
    """The organisation behind a tenant host, whatever its state."""
    # tenantless: the host is all that is known before somebody signs in
    return await session.scalar(select(Organisation).where(Organisation.slug == slug))


async def taken_slugs(session: AsyncSession, wanted: str) -> frozenset[str]:
    """Slugs in use that are the wanted one or a variant of it; nobody else finds a free one before the commit."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("execos.identity.slug"))))
    near = or_(
        Organisation.slug == wanted, Organisation.slug.startswith(wanted[: MAX_SLUG - 4].rstrip("-") + "-")
    )
    # tenantless: slugs are unique across organisations
    return frozenset(await session.scalars(select(Organisation.slug).where(near)))


async def count_founded(session: AsyncSession, user_id: UUID, since: datetime) -> int:
    """How many organisations a person has made; a second count of theirs waits for the first one's commit."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(user_id), 1))))
    # tenantless: the limit is per person, not per organisation
    counted = select(func.count()).where(
        Organisation.created_by_user_id == user_id,
        Organisation.created_at > since,
        Organisation.status != OrganisationState.ARCHIVED,
    )
    return int(await session.scalar(counted) or 0)


def _rows() -> Select[Organisation, Policies, LegalProfile]:
    return (
        select(
            Organisation, Policies, LegalProfile
        )  # every caller adds its tenant, or says why there is none
        .join(Policies, Policies.org_id == Organisation.org_id)
        .outerjoin(LegalProfile, LegalProfile.org_id == Organisation.org_id)
    )


def _one(rows: Sequence[Any]) -> Any:
    if not rows:
        raise NotFound("There is no such organisation.")
    return rows[0]
