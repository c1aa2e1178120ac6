"""The end of an organisation everywhere: no table of any service keeps a row of it, and none loses another's."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from tests.contract.operations import writing
from tests.contract.organisations import Organisation
from tests.contract.platform import ORDER, Platform
from tests.contract.recipes import RECIPES, sent_invoice
from tests.contract.test_catalogue import Catalogue

from chassis.erasure import tenant_tables
from chassis.inbox import Received, receive
from chassis.testing.databases import Databases

MARKS = {"identity.outbox": 1} | {f"{name}.inbox": 1 for name in ORDER if name != "identity"}
"""What stays: the fact that tells of the end, and in every other service what keeps late facts out."""
FILLED = 0.6
"""How large a part of the tables must have had rows for this to mean anything."""


async def _counts(platform: Platform, databases: Databases, org: Organisation) -> dict[str, int]:
    """The rows of an organisation in each tenant table of each service, read from PostgreSQL's own catalogue."""
    found: dict[str, int] = {}
    for service in ORDER:
        async with platform.stands[service].runtime.system.session(None, read_only=True) as session:
            for table in Catalogue(databases, service).tenant_tables():
                counted = text(f"SELECT count(*) FROM {table} WHERE org_id = :org_id")
                found[f"{service}.{table}"] = int(await session.scalar(counted, {"org_id": org.id}) or 0)
    return found


async def _left(platform: Platform, databases: Databases, org: Organisation) -> dict[str, int]:
    return {name: count for name, count in (await _counts(platform, databases, org)).items() if count}


async def _filled(platform: Platform) -> Organisation:
    """An organisation in which every command of a tenant's has succeeded once."""
    org = await Organisation.founded(platform)
    client = await org.client()
    for operation in writing():
        if not operation.is_platform:
            call = await RECIPES[operation.id](org)
            await client.request(operation.method, call.url, **call.content, headers=call.headers)
    await platform.carry(org.id)
    return org


@pytest.mark.parametrize("service", ORDER)
def test_the_models_know_every_tenant_table(service: str, platform: Platform, databases: Databases) -> None:
    known = {table.name for table in tenant_tables(platform.stands[service].service.metadata)}
    assert known == set(Catalogue(databases, service).tenant_tables())


async def _deliver(platform: Platform, facts: Sequence[Received]) -> None:
    """Hand facts to every service that has a handler for them, though they had them before."""
    for stand in platform.stands.values():
        handled = [fact for fact in facts if fact.type in stand.service.handlers]
        assert handled or not stand.service.handlers
        for fact in handled:
            await receive(stand.runtime.source, stand.service.name, stand.service.handlers, fact)


async def _erase(platform: Platform, gone: Organisation) -> None:
    """The days of grace are over, and every service has heard of it."""
    identity = platform.stands["identity"]
    now = identity.clock.now
    await platform.place.change_organisation(gone.owner, status="archived", deletion_due_at=now)
    identity.clock.advance(minutes=2)
    await identity.run_periodic("delete-organisations")
    identity.clock.now = now
    await platform.carry(gone.id)
    for name in ORDER:
        platform.stands[name].org_id = gone.id
        await platform.stands[name].run_deferred()


async def test_nothing_of_a_deleted_organisation_is_left_and_nothing_of_another_is_lost(
    platform: Platform, databases: Databases
) -> None:
    gone, neighbour = await _filled(platform), await Organisation.founded(platform)
    await sent_invoice(neighbour)
    await platform.carry(neighbour.id)
    before, kept = [await _counts(platform, databases, org) for org in (gone, neighbour)]
    assert sum(1 for count in before.values() if count) >= FILLED * len(before), before
    facts = await platform.facts(gone.id)
    await _erase(platform, gone)
    assert await _left(platform, databases, gone) == MARKS
    await _deliver(platform, facts)
    assert await _left(platform, databases, gone) == MARKS, "a late fact brings nothing back"
    assert await _counts(platform, databases, neighbour) == kept
