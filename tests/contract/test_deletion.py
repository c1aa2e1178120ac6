"""The end of an organisation everywhere: no table of any service keeps a row of it, and none loses another's."""

import pytest
from sqlalchemy import text
from tests.contract.operations import writing
from tests.contract.organisations import Organisation
from tests.contract.platform import ORDER, Platform
from tests.contract.recipes import RECIPES, sent_invoice
from tests.contract.test_catalogue import Catalogue

from chassis.erasure import tenant_tables
from chassis.testing.databases import Databases

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


async def _filled(platform: Platform) -> Organisation:
    """An organisation in which every command of a tenant's has succeeded once."""
    org = await Organisation.founded(platform)
    client = await org.client()
    for operation in writing():
        if not operation.is_platform:
            call = await RECIPES[operation.id](org)
            await client.request(operation.method, call.url, json=call.body, headers=call.headers)
    await platform.carry(org.id)
    return org


@pytest.mark.parametrize("service", ORDER)
def test_the_models_know_every_tenant_table(service: str, platform: Platform, databases: Databases) -> None:
    known = {table.name for table in tenant_tables(platform.stands[service].service.metadata)}
    assert known == set(Catalogue(databases, service).tenant_tables())


async def test_nothing_of_a_deleted_organisation_is_left_and_nothing_of_another_is_lost(
    platform: Platform, databases: Databases
) -> None:
    gone, neighbour = await _filled(platform), await Organisation.founded(platform)
    await sent_invoice(neighbour)
    await platform.carry(neighbour.id)
    before, kept = [await _counts(platform, databases, org) for org in (gone, neighbour)]
    assert sum(1 for count in before.values() if count) >= FILLED * len(before), before
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
    left = {name: count for name, count in (await _counts(platform, databases, gone)).items() if count}
    assert left == {"identity.outbox": 1}, "only the fact that tells of it"
    assert await _counts(platform, databases, neighbour) == kept
