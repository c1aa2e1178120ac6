"""The door for imports that are under way: batch after batch, until every row is done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg.errors
import structlog
from sqlalchemy.exc import IntegrityError

from chassis.auth import system_actor
from chassis.context import Work, begin_work
from chassis.errors import Kind, NotFound, translate
from chassis.jobs import reason_of
from chassis.runtime import Runtime
from chassis.schema import In
from sales.domain.deals import DealStage
from sales.domain.imports import Entity
from sales.domain.leads import LeadStage
from sales.finding import JOBS
from sales.http.companies import CompanyIn, CompanyPatch
from sales.http.contacts import ContactIn, ContactPatch
from sales.http.deals import DealIn, DealPatch
from sales.http.leads import LeadIn, LeadPatch
from sales.http.shapes import Reason
from sales.jobs import WORK_ON_IMPORT
from sales.store import import_lookups, imports
from sales.usecases.import_plans import Shape, Shapes
from sales.usecases.import_runs import BATCH, fail, work_on
from sales.usecases.imports import actor_of, forget_rows

__all__ = ["BATCH", "JOBS", "work_on", "work_on_import"]

log = structlog.get_logger()

UNKNOWN = "The database refuses this row."


class NewLead(LeadIn):
    """A lead of a file may have been decided already."""

    stage: LeadStage = LeadStage.NEW  # type: ignore[assignment] # wider than at the door


class NewDeal(DealIn):
    """A deal of a file may have been decided already (spec/wire.md 4)."""

    stage: DealStage = DealStage.OPEN  # type: ignore[assignment] # wider than at the door
    lost_reason: Reason | None = None


EXPIRED_AT_ONCE = 100
"""Imports of one run; the next one goes on."""
FORGOTTEN = 5000
"""Rows of one transaction."""


def _shape(model: type[In]) -> Shape:
    return lambda fields: model.model_validate(fields).changes()


SHAPES: Mapping[Entity, Shapes] = {
    Entity.COMPANY: Shapes(_shape(CompanyIn), _shape(CompanyPatch)),
    Entity.CONTACT: Shapes(_shape(ContactIn), _shape(ContactPatch)),
    Entity.LEAD: Shapes(_shape(NewLead), _shape(LeadPatch)),
    Entity.DEAL: Shapes(_shape(NewDeal), _shape(DealPatch)),
}


@JOBS.task(WORK_ON_IMPORT)
async def work_on_import(runtime: Runtime, org_id: UUID, import_id: str) -> None:
    """Check, apply or revert what is left of an import; a database that is away is waited for."""
    run_id = UUID(import_id)
    try:
        async with runtime.source.reading(system_actor(org_id)) as reading:
            starter = (await imports.show(reading, org_id, run_id, entities=list(Entity))).starter
    except NotFound:
        return  # the organisation is gone
    begin_work(Work(starter["requestId"], org_id=org_id))
    try:
        await _work(runtime, org_id, run_id, starter)
    except Exception as error:
        refused = translate(error, runtime.constraints)
        if refused is not None and refused.kind is Kind.UNAVAILABLE:
            raise
        log.exception("import.failed", import_id=import_id)
        async with runtime.source.tx(actor_of(org_id, starter)) as tx:
            await fail(tx, run_id, reason_of(refused or error))


@JOBS.periodic(
    "forget-import-rows",
    cron="41 * * * *",
    test_cron="*/20 * * * * *",
    description="Deletes the rows of imports with which nothing has been done for thirty days.",
    scope="service",
)
async def forget_import_rows(runtime: Runtime, _slot: datetime) -> None:
    """Piece by piece, each in a transaction of its organisation; the same again changes nothing."""
    async with runtime.system.session(None, read_only=True) as session:
        expired = await imports.list_expired(session, runtime.source.clock(), EXPIRED_AT_ONCE)
    for org_id, import_id in expired:
        goes_on = True
        while goes_on:
            async with runtime.source.tx(system_actor(org_id)) as tx:
                goes_on = await forget_rows(tx, import_id, FORGOTTEN)


async def _work(runtime: Runtime, org_id: UUID, run_id: UUID, starter: Mapping[str, Any]) -> None:
    limit, refusal, goes_on = BATCH, None, True
    while goes_on:
        try:
            async with runtime.source.tx(actor_of(org_id, starter)) as tx:
                goes_on = await work_on(tx, run_id, SHAPES, limit=limit, refusal=refusal)
            limit, refusal = min(BATCH, limit * 2) if refusal is None else BATCH, None
        except import_lookups.Overtaken:
            continue
        except (IntegrityError, psycopg.errors.IntegrityError) as error:
            # One of the rows: find it by halves.
            refused = translate(error, runtime.constraints)
            if refusal is not None:
                raise
            limit, refusal = (
                limit // 2 or 1,
                (refused.message if refused else UNKNOWN) if limit == 1 else None,
            )
