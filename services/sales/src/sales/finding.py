"""The jobs of finding: rows that were written without it come into the search and into the comparison."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.auth import system_actor
from chassis.runtime import Runtime
from sales.domain.finding import EntityType
from sales.jobs import COMPARE_AGAIN, COMPARE_INDEXED, INDEX_IMPORTED, JOBS
from sales.usecases.duplicates import compare_again
from sales.usecases.indexing import index_behind

FIRST = UUID(int=0)
INDEXING = "indexing"
"""One at a time for each organisation: the second would do what the first does, in the place of an import."""

__all__ = ["JOBS", "compare_company_again", "compare_indexed", "index_imported", "index_rows_behind"]


@JOBS.periodic(
    "index-rows",
    cron="23 * * * *",
    test_cron="*/20 * * * * *",
    description="Brings rows into the search, and companies into the comparison, that were written without it.",
    lock=INDEXING,
)
async def index_rows_behind(runtime: Runtime, org_id: UUID, _slot: datetime) -> None:
    """Until nothing of the organisation is behind."""
    await _index(runtime, org_id)


@JOBS.task(INDEX_IMPORTED, lock=INDEXING)
async def index_imported(runtime: Runtime, org_id: UUID) -> None:
    """The same at the end of an import, which leaves it for then: it costs more than the rows themselves."""
    await _index(runtime, org_id)


@JOBS.task(COMPARE_AGAIN)
async def compare_company_again(runtime: Runtime, org_id: UUID, company_id: str) -> None:
    """A company that was not written alone is compared with those that were written at the same time."""
    async with runtime.source.tx(system_actor(org_id)) as tx:
        await compare_again(tx, [UUID(company_id)])


@JOBS.task(COMPARE_INDEXED, lock=INDEXING)
async def compare_indexed(runtime: Runtime, org_id: UUID, company_ids: Sequence[str]) -> None:
    """Companies that have just been indexed are compared, once all of them can be found."""
    async with runtime.source.tx(system_actor(org_id)) as tx:
        await compare_again(tx, [UUID(company_id) for company_id in company_ids])


async def _index(runtime: Runtime, org_id: UUID) -> None:
    """In batches, each in a transaction of its own that begins where the one before has ended."""
    for kind in EntityType:
        last: UUID | None = FIRST
        while last is not None:
            async with runtime.source.tx(system_actor(org_id)) as tx:
                last = await index_behind(tx, kind, last)
