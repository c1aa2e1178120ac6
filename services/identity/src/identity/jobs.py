"""Identity's jobs: tenants come and go, mails that were asked for are sent, what nobody can need is forgotten."""

from datetime import datetime, timedelta
from uuid import UUID

from chassis.jobs import Jobs
from chassis.runtime import Runtime
from identity.reception import Reception
from identity.store import login_attempts, mail_links, oidc_states, passkeys, security_events, sessions
from identity.usecases.deletion import delete_due
from identity.usecases.mail_requests import ANSWER, answer_request
from identity.usecases.provisioning import PROVISION, provision, resume_provisioning

SESSIONS_KEPT = timedelta(days=30)
ATTEMPTS_KEPT = timedelta(days=2)
LINKS_KEPT = timedelta(days=1)
BATCH = 1000

JOBS = Jobs("identity")


@JOBS.periodic(
    "forget-sign-ins",
    cron="23 * * * *",
    test_cron="*/15 * * * * *",
    description="Deletes sessions and links that ended long ago, budgets that are full again, old security events.",
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
                await mail_links.forget(tx.session, tx.now - LINKS_KEPT, BATCH),
                await security_events.forget(tx.session, tx.now, BATCH),
                await oidc_states.forget(tx.session, tx.now, BATCH),
                await passkeys.forget_challenges(tx.session, tx.now, BATCH),
            )


@JOBS.task(ANSWER)
async def answer_mail_request(runtime: Runtime, _org_id: UUID, sealed: str) -> None:
    """Mail the link that somebody asked for, if there is whom to mail."""
    await answer_request(runtime.part(Reception), sealed)


@JOBS.task(PROVISION)
async def furnish(runtime: Runtime, org_id: UUID) -> None:
    """Do the steps that a new tenant needs."""
    await provision(runtime.part(Reception), org_id)


@JOBS.periodic(
    "resume-provisioning",
    cron="*/2 * * * *",
    test_cron="*/5 * * * * *",
    description="Goes on with new organisations whose provisioning was cut short.",
    scope="service",
)
async def resume(runtime: Runtime, _slot: datetime) -> None:
    """What a killed process has left."""
    await resume_provisioning(runtime.part(Reception))


@JOBS.periodic(
    "delete-organisations",
    cron="41 * * * *",
    test_cron="*/15 * * * * *",
    description="Deletes organisations whose days of grace are over.",
    scope="service",
)
async def delete_organisations(runtime: Runtime, _slot: datetime) -> None:
    """Here at once, everywhere else by a fact."""
    await delete_due(runtime.part(Reception))
