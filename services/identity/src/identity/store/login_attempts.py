"""What sign-in attempts have spent."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from identity.domain.login_attempts import LoginAttempts


async def lock(session: AsyncSession, bucket: bytes, now: datetime) -> LoginAttempts:
    """The bucket, locked; made where there is none yet, so that parallel attempts wait for each other."""
    new = {
        "bucket": bucket,
        "spent": 0,
        "open_at": now,
        "last_at": now,
        "unreported": 0,
        "unreported_since": now,
        "newest": [],
    }
    made = insert(LoginAttempts).values(new)
    # An update that changes nothing: it locks the row that is there, and gives it back.
    locked = made.on_conflict_do_update(index_elements=["bucket"], set_={"bucket": made.excluded.bucket})
    return (await session.scalars(locked.returning(LoginAttempts))).one()


async def forget(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete buckets that rest since an instant; how many."""
    # tenantless: clean-up by the system role
    old = select(LoginAttempts.bucket).where(LoginAttempts.last_at < before).limit(limit)
    # tenantless: clean-up by the system role
    result = await session.execute(delete(LoginAttempts).where(LoginAttempts.bucket.in_(old)))
    return int(result.rowcount)  # type: ignore[attr-defined]
