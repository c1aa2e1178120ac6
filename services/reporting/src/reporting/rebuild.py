"""`python -m reporting rebuild`: the read models again, out of the kept facts; the audit chain is never rebuilt."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog

from chassis.facts import parse
from chassis.runtime import Runtime
from reporting.domain.models import Model
from reporting.projections import rows_of
from reporting.store import models

log = structlog.get_logger()

BATCH = 1000


async def rebuild(runtime: Runtime) -> None:
    """Rebuild the read models from the kept facts, organisation by organisation, while the service goes on."""
    async with runtime.system.session(None, read_only=True) as session:
        organisations = await models.list_organisations(session)
    for org_id in organisations:
        count = await rebuild_organisation(runtime, org_id)
        log.info("reporting.rebuilt", org_id=str(org_id), facts=count)


async def rebuild_organisation(runtime: Runtime, org_id: UUID) -> int:
    """In one transaction: readers see the old rows until the new ones are complete; returns how many facts there were.

    A fact that is applied meanwhile waits for the row it concerns or brings a new one; the newest wins as always.
    """
    count, after = 0, None
    async with runtime.system.session(org_id) as session:
        await models.clear(session, org_id)
        while facts := await models.list_facts(session, org_id, after, BATCH):
            for model, told in _by_model(org_id, facts).items():
                await models.keep(session, model, models.newest(told))
            count, after = count + len(facts), facts[-1].event_id
        await session.commit()
    return count


def _by_model(org_id: UUID, facts: Sequence[Any]) -> dict[type[Model], list[dict[str, Any]]]:
    rows = defaultdict(list)
    for fact in facts:
        for model, row in rows_of(org_id, fact.event_id, parse(fact.type, fact.payload)):
            rows[model].append(row)
    return rows
