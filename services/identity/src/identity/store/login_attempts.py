"""What sign-in attempts have spent."""

from datetime import datetime

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.deleting import delete_some
from chassis.entities import Entities
from chassis.tx import Tx
from identity.domain.login_attempts import LoginAttempts

_MADE = insert(LoginAttempts).values(
    bucket=bindparam("bucket"),
    spent=0,
    open_at=bindparam("now"),
    last_at=bindparam("now"),
    unreported=0,
    unreported_since=bindparam("now"),
)
# An update that changes nothing: it locks the row that is there, and gives it back.
_LOCKED = Entities(
    _MADE.on_conflict_do_update(index_elements=["bucket"], set_={"bucket": _MADE.excluded.bucket}),
    LoginAttempts,
)


async def lock(tx: Tx, bucket: bytes, now: datetime) -> LoginAttempts:
    """The bucket, locked; made where there is none yet, so that parallel attempts wait for each other."""
    attempts: LoginAttempts
    (attempts,) = await tx.load(_LOCKED, bucket=bucket, now=now)
    return attempts


async def forget(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete buckets that rest since an instant; how many."""
    # tenantless: clean-up by the system role
    return await delete_some(session, LoginAttempts, LoginAttempts.last_at < before, limit)
