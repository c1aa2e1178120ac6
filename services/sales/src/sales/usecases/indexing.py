"""Rows that were written without being indexed are so now."""

from uuid import UUID

from chassis.tx import Tx
from sales.domain.finding import EntityType
from sales.store import documents
from sales.usecases.duplicates import detect_duplicates
from sales.usecases.finding import index_rows
from sales.usecases.merges import SHOW_EACH

BATCH = 200
"""Rows of one transaction."""


async def index_behind(tx: Tx, kind: EntityType, after: UUID) -> UUID | None:
    """Let the next rows that are behind be found, companies also be compared; the last of them, None for none."""
    ids = await documents.list_behind(tx, tx.actor.org_id, kind, BATCH, after=after)
    if not ids:
        return None
    rows = await SHOW_EACH[kind](tx, ids)
    for company in rows if kind is EntityType.COMPANY else ():
        await detect_duplicates(tx, company)
    await index_rows(tx, kind, rows)
    return ids[-1]
