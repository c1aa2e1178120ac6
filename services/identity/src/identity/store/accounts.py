"""People and where they may work. All of it is read by the system role: a person belongs to no tenant."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.entities import Entities
from chassis.errors import NotFound
from chassis.queries import Lookup, Reader
from chassis.tx import Tx
from identity.domain.accounts import Account
from identity.domain.members import Membership, MemberState
from identity.domain.organisations import Organisation, OrganisationState
from identity.domain.own_roles import OwnRole, RoleOverride
from identity.domain.password_rules import PasswordRules
from identity.domain.policies import Policies
from identity.domain.seats import Seat
from identity.domain.sessions import Session
from identity.store.second_factors import is_enrolled

_ACCOUNT, _MEMBER, _ORGANISATION = Account.__table__.c, Membership.__table__.c, Organisation.__table__.c
_SESSION, _POLICIES = Session.__table__.c, Policies.__table__.c
_IS_RUNNING = exists().where(
    _SESSION.id == bindparam("session_id"), _SESSION.user_id == _ACCOUNT.id, _SESSION.ended_at.is_(None)
)
# tenantless: somebody sees all their own organisations; by the system role
MEMBERSHIPS = Lookup(
    select(
        _ACCOUNT.id,
        _ACCOUNT.name,
        _ACCOUNT.email,
        _ACCOUNT.email_verified_at.is_not(None).label("email_verified"),
        _ACCOUNT.time_zone,
        _ACCOUNT.locale,
        _ACCOUNT.version,
        _MEMBER.org_id,
        _ORGANISATION.name.label("org_name"),
        _ORGANISATION.slug.label("org_slug"),
        _MEMBER.role,
        _MEMBER.status,
    )
    .join(Membership, _MEMBER.id == _ACCOUNT.id)
    .join(Organisation, _ORGANISATION.org_id == _MEMBER.org_id)
    .where(
        _ACCOUNT.id == bindparam("user_id"),
        _ACCOUNT.is_active,
        _MEMBER.status == MemberState.ACTIVE.value,
        _IS_RUNNING,
    )
    .order_by(_ORGANISATION.name, _MEMBER.org_id)
)
# tenantless: before anybody is signed in; by the system role
_CANDIDATES = Lookup(
    select(
        _ACCOUNT.id.label("user_id"),
        _ACCOUNT.password_hash,
        _ACCOUNT.last_org_id,
        _MEMBER.org_id,
        _MEMBER.created_at,
        _ORGANISATION.slug,
        (_ORGANISATION.status == OrganisationState.ACTIVE.value).label("is_organisation_active"),
        and_(_ACCOUNT.is_active, _MEMBER.status == MemberState.ACTIVE.value).label("is_open"),
    )
    .outerjoin(Membership, _MEMBER.id == _ACCOUNT.id)
    .outerjoin(Organisation, _ORGANISATION.org_id == _MEMBER.org_id)
    .where(_ACCOUNT.email == bindparam("email"))
)

# tenantless: the rules of every organisation that somebody works in; by the system role
_RULES = Lookup(
    select(
        _ACCOUNT.email, _ACCOUNT.name, _ORGANISATION.name.label("organisation"), _POLICIES.password_min_length
    )
    .outerjoin(Membership, and_(_MEMBER.id == _ACCOUNT.id, _MEMBER.status == MemberState.ACTIVE.value))
    .outerjoin(Organisation, _ORGANISATION.org_id == _MEMBER.org_id)
    .outerjoin(Policies, _POLICIES.org_id == _MEMBER.org_id)
    .where(_ACCOUNT.id == bindparam("user_id"))
)


_IS_ENROLLED = is_enrolled(_ACCOUNT.id)
# In one statement: a role read before a change, with the version of after it, would never be found stale. Made once,
# because making it costs more than running it.
_PARTS = (Account, Membership, Organisation, Policies, OwnRole, RoleOverride, _IS_ENROLLED)
_SEATED = (
    select(Account)
    .join(Membership, Membership.id == Account.id)
    .join(Organisation, Organisation.org_id == Membership.org_id)
    .join(Policies, Policies.org_id == Membership.org_id)
    .outerjoin(OwnRole, and_(OwnRole.org_id == Membership.org_id, OwnRole.key == Membership.role))
    .outerjoin(
        RoleOverride, and_(RoleOverride.org_id == Membership.org_id, RoleOverride.key == Membership.role)
    )
)
_ONE = _SEATED.where(Membership.org_id == bindparam("org_id"), Membership.id == bindparam("user_id"))
_SEAT = Entities(_ONE, *_PARTS)
_SEAT_LOCKED = Entities(_ONE.with_for_update(of=Account), *_PARTS)
# tenantless: a refresh token names only its session; by the system role
_SESSION_AND_SEAT = Entities(
    _SEATED.join(Session, and_(Session.org_id == Membership.org_id, Session.user_id == Membership.id))
    .where(Session.id == bindparam("session_id"))
    .with_for_update(of=Session),
    Session,
    *_PARTS,
)

_OF_PEOPLE = [
    key.parent
    for table in reversed(Account.metadata.sorted_tables)
    for key in table.foreign_keys
    if key.column.table is Account.__table__ and "org_id" not in table.c
]
"""What names whom rows of no organisation belong to."""


async def find_or_add(session: AsyncSession, account: Account) -> Account:
    """The person who has the address of `account`, or `account` itself, added."""
    values = {column.key: getattr(account, column.key) for column in Account.__table__.c}
    await session.execute(insert(Account).values(values).on_conflict_do_nothing())
    # tenantless: a person belongs to no organisation
    return (await session.scalars(select(Account).where(Account.email == account.email))).one()


async def list_candidates(reader: Reader, email: str) -> Sequence[Any]:
    """Who may be signing in with an address and where they could work; nothing for an unknown address."""
    return await reader.rows(_CANDIDATES, email=email)


async def find_seat(tx: Tx, org_id: UUID, user_id: UUID, *, lock: bool = False) -> Seat | None:
    """A person's place in one organisation, in whatever state it is; with `lock`, the person is locked."""
    found = await tx.load(_SEAT_LOCKED if lock else _SEAT, org_id=org_id, user_id=user_id)
    return Seat(*found) if found else None


async def find_session(tx: Tx, session_id: UUID) -> tuple[Session, Seat] | None:
    """A session, locked, and its person's seat in the organisation it works in at present."""
    found = await tx.load(_SESSION_AND_SEAT, session_id=session_id)
    return (found[0], Seat(*found[1:])) if found else None


async def find_by_id(session: AsyncSession, user_id: UUID) -> Account | None:
    """The person by id."""
    # tenantless: a person belongs to no organisation
    return await session.scalar(select(Account).where(Account.id == user_id))


async def lock(session: AsyncSession, user_id: UUID) -> Account | None:
    """The person, locked: who gives them a password or an address waits in line."""
    # tenantless: a person belongs to no organisation
    return await session.scalar(select(Account).where(Account.id == user_id).with_for_update())


async def forget_members(session: AsyncSession, org_id: UUID) -> None:
    """Delete an organisation's memberships, and the people who belong nowhere else with all that is theirs alone."""
    elsewhere = aliased(Membership)
    is_elsewhere = exists().where(elsewhere.id == Account.id, elsewhere.org_id != org_id)
    homeless = (
        select(Account.id)
        .join(Membership, Membership.id == Account.id)
        .where(Membership.org_id == org_id, ~is_elsewhere, ~Account.is_platform_owner)
    )
    people = (await session.scalars(homeless.with_for_update(of=Account))).all()
    await session.execute(delete(Membership).where(Membership.org_id == org_id))
    for column in _OF_PEOPLE:
        # tenantless: a person belongs to no organisation
        await session.execute(delete(column.table).where(column.in_(people)))
    # tenantless: a person belongs to no organisation
    await session.execute(delete(Account).where(Account.id.in_(people)))


async def find_by_email(session: AsyncSession, email: str) -> Account | None:
    """The person who has an address, locked."""
    # tenantless: a person belongs to no organisation
    return await session.scalar(select(Account).where(Account.email == email).with_for_update())


async def get(session: AsyncSession, user_id: UUID) -> Account:
    """The person, locked; before their links, sessions and memberships, so that nobody waits in a circle."""
    account = await lock(session, user_id)
    if account is None:
        raise NotFound("There is no such person.")
    return account


async def password_rules(reader: Reader, user_id: UUID) -> PasswordRules:
    """What a new password of a person must be."""
    rows = await reader.rows(_RULES, user_id=user_id)
    if not rows:
        raise NotFound("There is no such person.")
    joined = [(row.organisation, row.password_min_length) for row in rows if row.organisation is not None]
    return PasswordRules.of(rows[0].email, rows[0].name, joined)


async def list_memberships(reader: Reader, user_id: UUID, session_id: UUID) -> Sequence[Any]:
    """The active memberships of a person with whose they are; nothing once the session has ended."""
    return await reader.rows(MEMBERSHIPS, user_id=user_id, session_id=session_id)


async def list_contacts(session: AsyncSession, org_id: UUID, user_ids: Sequence[UUID]) -> Sequence[Any]:
    """Name, address, language and zone of those of the people who are active members here, in order of id."""
    wanted = (
        select(
            Membership.id.label("user_id"),
            Membership.name,
            Membership.email,
            func.coalesce(Account.locale, Organisation.locale).label("locale"),
            func.coalesce(Account.time_zone, Organisation.time_zone).label("time_zone"),
        )
        .join(Account, Account.id == Membership.id)
        .join(Organisation, Organisation.org_id == Membership.org_id)
        .where(
            Membership.org_id == org_id,
            Membership.id.in_(user_ids),
            Membership.status == MemberState.ACTIVE.value,
            Account.is_active,
        )
        .order_by(Membership.id)
    )
    return (await session.execute(wanted)).all()
