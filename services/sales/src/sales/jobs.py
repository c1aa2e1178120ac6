"""What sales does by the clock: rows that cannot be found yet come into the search."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from chassis.auth import system_actor
from chassis.jobs import Jobs
from chassis.runtime import Runtime
from sales.domain.finding import EntityType
from sales.store import documents
from sales.usecases.indexing import BATCH, index_behind


async def list_behind(runtime: Runtime) -> Iterable[UUID]:
    """The organisations with rows that are not found as they are: older code has written them."""
    async with runtime.system.session(None, read_only=True) as session:
        return await documents.list_organisations_behind(session)


jobs = Jobs("sales", list_behind)


@jobs.periodic(
    "index-rows",
    cron="23 * * * *",
    test_cron="*/20 * * * * *",
    description="Brings rows into the search, and companies into the comparison, that older versions have written.",
)
async def index_rows_behind(runtime: Runtime, org_id: UUID, _slot: datetime) -> None:
    """In batches, each in a transaction of its own, until nothing is behind."""
    for kind in EntityType:
        done = BATCH
        while done == BATCH:
            async with runtime.source.tx(system_actor(org_id)) as tx:
                done = await index_behind(tx, kind)
