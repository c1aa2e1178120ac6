"""Authenticator apps and recovery codes. All of it is for the system role: a person belongs to no tenant."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.queries import Lookup, Reader
from identity.domain.members import Membership, MemberState
from identity.domain.own_roles import OwnRole, Rights, RoleOverride
from identity.domain.passkeys import Passkey
from identity.domain.policies import Policies
from identity.domain.second_factors import Methods, RecoveryCode, Requirement, SecondFactor

_FACTOR, _CODE, _PASSKEY = SecondFactor.__table__.c, RecoveryCode.__table__.c, Passkey.__table__.c


_PERSON: BindParameter[UUID] = bindparam("user_id")
# tenantless: a person belongs to no organisation
_METHODS = Lookup(
    select(
        select(_FACTOR.confirmed_at).where(_FACTOR.user_id == _PERSON).scalar_subquery().label("totp_at"),
        select(func.count()).where(_PASSKEY.user_id == _PERSON).scalar_subquery().label("passkeys"),
        select(func.count()).where(_CODE.user_id == _PERSON).scalar_subquery().label("recovery_codes"),
    )
)


def is_enrolled(user_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether somebody has a second factor, for queries about them."""
    # tenantless: a person belongs to no organisation
    return or_(
        exists().where(_FACTOR.user_id == user_id, _FACTOR.confirmed_at.is_not(None)),
        exists().where(_PASSKEY.user_id == user_id),
    )


async def show(reader: Reader, user_id: UUID) -> Any:
    """Since when somebody has an app, how many passkeys and recovery codes."""
    return (await reader.rows(_METHODS, user_id=user_id))[0]


async def methods_of(reader: Reader, user_id: UUID) -> Methods:
    """What of second factors somebody has."""
    shown = await show(reader, user_id)
    return Methods(shown.totp_at is not None, shown.passkeys, shown.recovery_codes)


async def find(session: AsyncSession, user_id: UUID) -> SecondFactor | None:
    """Somebody's app, confirmed or not; the caller has locked the person, so that a code is looked at once."""
    # tenantless: a person belongs to no organisation
    return await session.scalar(select(SecondFactor).where(SecondFactor.user_id == user_id))


async def list_sealed_before(
    session: AsyncSession, key_id: bytes, after: UUID, limit: int
) -> Sequence[SecondFactor]:
    """Apps whose seed another key than this one has sealed, by person after one of them; locked."""
    # tenantless: re-sealing by the system role
    wanted = select(SecondFactor).where(
        func.substr(SecondFactor.seed, 1, len(key_id)) != key_id, SecondFactor.user_id > after
    )
    return (await session.scalars(wanted.order_by(SecondFactor.user_id).limit(limit).with_for_update())).all()


async def list_requirements(session: AsyncSession, user_id: UUID) -> Sequence[Requirement]:
    """What each organisation that somebody works in says about second factors."""
    # tenantless: one person in all their organisations
    wanted = (
        select(Membership.role, OwnRole, RoleOverride, Policies.require_second_factor)
        .join(Policies, Policies.org_id == Membership.org_id)
        .outerjoin(OwnRole, and_(OwnRole.org_id == Membership.org_id, OwnRole.key == Membership.role))
        .outerjoin(
            RoleOverride, and_(RoleOverride.org_id == Membership.org_id, RoleOverride.key == Membership.role)
        )
        .where(Membership.id == user_id, Membership.status == MemberState.ACTIVE.value)
    )
    found = await session.execute(wanted)
    return [Requirement(Rights(key, own, override), policy) for key, own, override, policy in found]


async def spend_code(session: AsyncSession, user_id: UUID, code_hash: bytes) -> bool:
    """Take a recovery code; False when there is no such one, or no more."""
    # tenantless: a person belongs to no organisation
    spent = delete(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash)
    return bool(await session.scalar(spent.returning(RecoveryCode.user_id)))


async def forget_all(session: AsyncSession, user_id: UUID) -> bool:
    """Delete somebody's second factors and recovery codes; whether there was a factor."""
    await forget_codes(session, user_id)
    # tenantless: a person belongs to no organisation
    apps = await session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    # tenantless: a person belongs to no organisation
    keys = await session.execute(delete(Passkey).where(Passkey.user_id == user_id))
    return bool(apps.rowcount or keys.rowcount)  # type: ignore[attr-defined]


async def forget_codes(session: AsyncSession, user_id: UUID) -> None:
    """Make somebody's recovery codes void."""
    # tenantless: a person belongs to no organisation
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
