"""Rows are found by what they are now: written whenever one changes, in its transaction."""

from collections.abc import Sequence
from typing import Any

from chassis.tx import Tx
from sales.domain.documents import company_words, document, words_in
from sales.domain.finding import EntityType
from sales.store import documents


async def index_rows(tx: Tx, kind: EntityType, rows: Sequence[Any]) -> None:
    """Let these rows, as the store shows them now, be found by what they say; those that are put away no longer.

    One statement, however many they are.
    """
    if not rows:
        return
    live = [row for row in rows if row.archived_at is None]
    await documents.keep(
        tx,
        tx.actor.org_id,
        [row.id for row in rows],
        documents=[document(kind, row) for row in live],
        words=[word for row in live for word in words_in(kind, row)],
    )


async def rename_company(tx: Tx, company: Any) -> None:
    """A company has another name: so have its contacts, leads and deals what they are found by."""
    await documents.rename(tx, tx.actor.org_id, company.id, company.name, company_words(company.name))
