"""Rows that were written without being indexed are so now."""

from chassis.tx import Tx
from sales.domain.finding import EntityType
from sales.store import documents
from sales.usecases.duplicates import detect_duplicates
from sales.usecases.finding import index_rows
from sales.usecases.merges import SHOW_EACH

BATCH = 200
"""Rows of one transaction."""


async def index_behind(tx: Tx, kind: EntityType) -> int:
    """Let the next rows that are behind be found, companies also be compared; how many they were."""
    ids = await documents.list_behind(tx, tx.actor.org_id, kind, BATCH)
    if not ids:
        return 0
    rows = await SHOW_EACH[kind](tx, ids)
    for company in rows if kind is EntityType.COMPANY else ():
        await detect_duplicates(tx, company)
    await index_rows(tx, kind, rows)
    return len(ids)
