"""Rows that were written without being indexed are so now."""

from uuid import UUID

from chassis.tx import Tx
from sales.domain.finding import EntityType
from sales.jobs import COMPARE_INDEXED, JOBS
from sales.store import documents
from sales.usecases.finding import index_rows
from sales.usecases.merges import SHOW_EACH

BATCH = 200
"""Rows of one transaction."""


async def index_behind(tx: Tx, kind: EntityType, after: UUID) -> UUID | None:
    """Let the next rows that are behind be found, and companies be compared later; the last of them, None for none.

    Later, because comparing takes ten times as long, and whoever has imported something looks for it.
    """
    ids = await documents.list_behind(tx, tx.actor.org_id, kind, BATCH, after=after)
    if not ids:
        return None
    rows = await SHOW_EACH[kind](tx, ids)
    await index_rows(tx, kind, rows)
    if kind is EntityType.COMPANY:
        await JOBS.defer(tx, COMPARE_INDEXED, company_ids=[str(company_id) for company_id in ids])
    return ids[-1]
