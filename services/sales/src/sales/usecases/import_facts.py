"""What has become of many rows is told from the rows as they are now, read in one statement."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from chassis.tx import Fact, Tx
from sales.domain.companies import Company
from sales.domain.imports import Entity
from sales.published import company_created
from sales.store import companies
from sales.usecases.finding import rename_company
from sales.usecases.import_kinds import KINDS

Told = tuple[Callable[[Any], Fact], UUID]
"""What tells of something, and of which row."""


async def tell(tx: Tx, made: Sequence[Company], entity: Entity, told: Sequence[Told]) -> None:
    """Write, and tell what has happened, from the rows as they are now."""
    await tx.flush()
    if made:
        shown = await companies.show_each(tx, tx.actor.org_id, [company.id for company in made])
        for company in shown:
            tx.publish(company_created(company))
    if told:
        rows = {row.id: row for row in await KINDS[entity].show_each(tx, [row_id for _, row_id in told])}
        for fact, row_id in told:
            tx.publish(fact(rows[row_id]))


async def rename_companies(tx: Tx, company_ids: list[UUID]) -> None:
    """What belongs to companies is found by their new names."""
    for company in await companies.show_each(tx, tx.actor.org_id, company_ids) if company_ids else ():
        await rename_company(tx, company)
