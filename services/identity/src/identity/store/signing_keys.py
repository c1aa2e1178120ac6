"""The platform's signing keys."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from identity.domain.signing_keys import SigningKey


async def list_all(session: AsyncSession) -> Sequence[SigningKey]:
    """Every key, oldest first."""
    # tenantless: the keys are the platform's
    return (await session.scalars(select(SigningKey).order_by(SigningKey.active_from))).all()


async def lock(session: AsyncSession) -> None:
    """Only one process at a time makes or removes keys."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("execos.identity.signing-keys"))))
