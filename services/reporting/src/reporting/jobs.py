"""What reporting does by the clock: the score of every day, seals on the audit chains and their retention."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog

from chassis.auth import system_actor
from chassis.jobs import Jobs
from chassis.runtime import Runtime
from reporting.settings import ReportingSettings
from reporting.store import audit, audit_pruning, health
from reporting.usecases.audit import prune_chain, seal_chain
from reporting.usecases.health import compute_health

log = structlog.get_logger()

FIRST_HOUR = 2


async def list_due(runtime: Runtime) -> Iterable[UUID]:
    """The organisations whose day has no score yet though it is past 02:00 there; in the test profile at any hour."""
    is_test = runtime.part(ReportingSettings).profile == "test"
    async with runtime.system.session(None, read_only=True) as session:
        return await health.list_due(session, runtime.source.clock(), 0 if is_test else FIRST_HOUR)


jobs = Jobs("reporting", list_due)


# Zones differ by quarters of an hour, and what was missed at 02:00 is made up for at the next quarter.
@jobs.periodic(
    "compute-health-score",
    cron="*/15 * * * *",
    test_cron="*/5 * * * * *",
    description="Keeps the health score of the day, daily from 02:00 in the organisation's time zone.",
)
async def compute_health_score(runtime: Runtime, org_id: UUID, _slot: datetime) -> None:
    """One snapshot for an organisation and its day, however often it runs."""
    async with runtime.source.tx(system_actor(org_id)) as tx:
        await compute_health(tx)


@jobs.periodic(
    "seal-audit-log",
    cron="*/5 * * * *",
    test_cron="*/2 * * * * *",
    description="Signs the end of each audit chain that has grown, and writes it to the service's log.",
    scope="service",
)
async def seal_audit_log(runtime: Runtime, _slot: datetime) -> None:
    """A seal outside of the database too: whoever keeps the log can prove that nothing before it was taken away."""
    key = runtime.part(ReportingSettings).audit_key
    if key is None:
        return
    async with runtime.system.session(None, read_only=True) as session:
        heads = await audit.list_unsealed(session)
    for head in heads:
        async with runtime.source.tx(system_actor(head.org_id)) as tx:
            await seal_chain(tx, key.get_secret_value(), head)
        log.info("audit.sealed", chain=str(head.org_id), seq=head.seq, hash=head.hash.hex())


@jobs.periodic(
    "prune-audit-log",
    cron="30 3 * * *",
    test_cron="*/5 * * * * *",
    description="Puts a signed checkpoint in place of audit entries older than the policy auditRetentionDays.",
    scope="service",
)
async def prune_audit_log(runtime: Runtime, _slot: datetime) -> None:
    """Nothing without a key: a checkpoint that nobody signed proves nothing."""
    key = runtime.part(ReportingSettings).audit_key
    if key is None:
        return
    async with runtime.system.session(None, read_only=True) as session:
        retentions = await audit_pruning.list_retentions(session)
    for org_id, days in retentions:
        while await _prune(runtime, key.get_secret_value(), org_id, days):
            pass


async def _prune(runtime: Runtime, key: str, org_id: UUID, days: int) -> bool:
    async with runtime.system.session(org_id) as session:
        last = await prune_chain(session, key, org_id, days, runtime.source.clock())
        await session.commit()
    if last is not None:
        log.info("audit.pruned", chain=str(org_id), seq=last.seq, hash=last.hash.hex())
    return last is not None
