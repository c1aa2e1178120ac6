"""The end of an organisation: confirmed, delayed, revocable, and then nothing of it is left."""

from typing import Any

import pytest
from services.identity.tests.place import PASSWORD, Person, Place
from services.identity.tests.platform_owner import PlatformPerson, platform_owner
from sqlalchemy import func, select

from chassis.erasure import tenant_tables
from identity.domain.accounts import Account
from identity.domain.roles import Role
from identity.domain.rows import Row

DAYS = 30


@pytest.fixture
async def owner(place: Place) -> PlatformPerson:
    """Somebody who owns the platform, signed in."""
    return await platform_owner(place)


async def _delete(owner: PlatformPerson, tenant: Person, **query: str) -> Any:
    return await owner.browser.delete(f"/platform/tenants/{tenant.org_id}", params=query)


async def _rows(place: Place, tenant: Person) -> dict[str, int]:
    """How many rows of an organisation each table has, where it has any."""
    async with place.reception.source.database.session(None, read_only=True) as session:
        counts = {
            table.name: await session.scalar(
                select(func.count()).select_from(table).where(table.c.org_id == tenant.org_id)
            )
            for table in tenant_tables(Row.metadata)
        }
    return {name: count for name, count in counts.items() if count}


async def _people(place: Place, *people: Person) -> list[bool]:
    async with place.reception.tx() as tx:
        ids = set(await tx.session.scalars(select(Account.id).where(Account.id.in_([p.id for p in people]))))
    return [each.id in ids for each in people]


async def test_deletion_wants_the_slug(place: Place, owner: PlatformPerson) -> None:
    for query in ({}, {"confirm": "another"}):
        refused = await _delete(owner, place.owner, **query)
        assert refused.status_code == 400
    shown = await owner.browser.get(f"/platform/tenants/{place.owner.org_id}")
    assert (shown.json()["status"], shown.json()["deletionDueAt"]) == ("active", None)


async def test_everything_goes_after_the_days_of_grace_and_nothing_of_others(
    place: Place, owner: PlatformPerson
) -> None:
    neighbour = await place.open()
    guest = await place.join(Role.SALES)
    shared = await place.join(Role.FINANCE, at=neighbour)
    await place.join(Role.VIEWER, email=shared.email)
    await place.join(Role.ADMIN, email=owner.email)
    for person in (place.owner, guest):
        assert (await person.sign_in()).status_code == 200
    await owner.browser.post(
        f"/platform/tenants/{place.owner.org_id}/domains", json={"host": f"{place.owner.slug}.example"}
    )
    before = await _rows(place, neighbour)
    assert (await _delete(owner, place.owner, confirm=place.owner.slug)).status_code == 204
    first = await owner.browser.get(f"/platform/tenants/{place.owner.org_id}")
    place.stand.clock.advance(days=1)
    assert (await _delete(owner, place.owner, confirm=place.owner.slug)).status_code == 204
    assert (
        await owner.browser.get(f"/platform/tenants/{place.owner.org_id}")
    ).json() == first.json()  # the date stays
    place.stand.clock.advance(days=DAYS - 2)
    await place.stand.run_periodic("delete-organisations")
    assert "membership" in await _rows(place, place.owner)
    place.stand.clock.advance(days=1, minutes=2)
    await place.stand.run_periodic("delete-organisations")
    assert await _rows(place, place.owner) == {"outbox": 1}
    (fact,) = await place.facts()
    assert (fact.type, fact.message.slug) == ("identity.organisation.deleted.v1", place.owner.slug)
    assert await _rows(place, neighbour) == before
    assert await _people(place, place.owner, guest, shared, owner) == [False, False, True, True]
    assert (await owner.browser.get(f"/platform/tenants/{place.owner.org_id}")).status_code == 404
    assert (await shared.sign_in()).status_code == 200


async def test_activation_revokes_a_deletion_that_is_not_due_and_no_other(
    place: Place, owner: PlatformPerson
) -> None:
    activate = f"/platform/tenants/{place.owner.org_id}/activate"
    await _delete(owner, place.owner, confirm=place.owner.slug)
    assert (await owner.browser.post(activate)).json()["deletionDueAt"] is None
    place.stand.clock.advance(days=DAYS + 1)
    await place.stand.run_periodic("delete-organisations")
    body = {"email": place.owner.email, "password": PASSWORD}
    assert (await place.browser().post("/auth/login", json=body)).status_code == 200
    await _delete(owner, place.owner, confirm=place.owner.slug)
    place.stand.clock.advance(days=DAYS)
    refused = await owner.browser.post(activate)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")


async def test_archived_organisation_is_kept(place: Place, owner: PlatformPerson) -> None:
    await owner.browser.post(f"/platform/tenants/{place.owner.org_id}/archive")
    before = await _rows(place, place.owner)
    place.stand.clock.advance(days=365)
    await place.stand.run_periodic("delete-organisations")
    assert await _rows(place, place.owner) == before
