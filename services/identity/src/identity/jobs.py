"""Identity's jobs: what nobody can need any more is forgotten."""

from datetime import datetime, timedelta

from chassis.jobs import Jobs
from chassis.runtime import Runtime
from identity.reception import Reception
from identity.store import login_attempts, sessions

SESSIONS_KEPT = timedelta(days=30)
ATTEMPTS_KEPT = timedelta(days=2)
BATCH = 1000

JOBS = Jobs("identity")


@JOBS.periodic(
    "forget-sign-ins",
    cron="23 * * * *",
    test_cron="*/15 * * * * *",
    description="Deletes sessions that ended long ago and budgets of sign-ins that are full again.",
    scope="service",
)
async def forget_sign_ins(runtime: Runtime, _slot: datetime) -> None:
    """Delete in batches, each its own transaction, until nothing old is left."""
    reception = runtime.part(Reception)
    deleted = BATCH
    while deleted >= BATCH:
        async with reception.tx() as tx:
            deleted = max(
                await sessions.forget(tx.session, tx.now - SESSIONS_KEPT, BATCH),
                await login_attempts.forget(tx.session, tx.now - ATTEMPTS_KEPT, BATCH),
            )
