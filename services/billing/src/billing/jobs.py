"""What billing does by the clock: invoices that were unlocked are locked again when their time has come."""

from datetime import datetime

from billing.store import invoices
from billing.usecases.invoices import lock_again
from chassis.auth import system_actor
from chassis.jobs import Jobs
from chassis.runtime import Runtime

LIMIT = 500
"""Of one run; the next one goes on."""

jobs = Jobs("billing")


@jobs.periodic(
    "lock-invoices",
    cron="* * * * *",
    test_cron="*/2 * * * * *",
    description="Locks sent invoices whose time to be locked has come (policy autoLockInvoiceAfterDays).",
    scope="service",
)
async def lock_due_invoices(runtime: Runtime, _slot: datetime) -> None:
    """Each invoice in a transaction of its organisation; the same again changes nothing."""
    async with runtime.system.session(None, read_only=True) as session:
        due = await invoices.list_due_for_lock(session, runtime.source.clock(), LIMIT)
    for org_id, invoice_id in due:
        async with runtime.source.tx(system_actor(org_id)) as tx:
            await lock_again(tx, invoice_id)
