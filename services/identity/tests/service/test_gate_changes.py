"""What the gateway is answered about a key whose maker or organisation has just changed: what is so now."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from services.identity.tests.gate import KEYS, Check, asking, make, status, token_of
from services.identity.tests.place import Person, Place
from services.identity.tests.platform_owner import TENANTS, platform_owner

from chassis.auth import TokenStale
from chassis.inbox import Received
from clients.identity.copies import WATCHES
from identity.domain.roles import Role


@pytest.fixture
async def owner(place: Place) -> Person:
    """The owner, signed in."""
    return await place.act(Role.OWNER)


@pytest.fixture
async def check(place: Place) -> AsyncIterator[Check]:
    """Asks as the gateway does."""
    async with asking(place) as check:
        yield check


async def hear(place: Place, *types: str) -> None:
    """What this process does when the facts of these types arrive."""
    for told in await place.facts(*types):
        fact: Any = SimpleNamespace(org_id=place.owner.org_id, message=told.message, version=told.version)
        WATCHES[told.type](place.stand.runtime, cast("Received", fact), 2**40)


async def scope_of(place: Place, check: Check, key: str) -> set[str]:
    """What a key may do now; the clock stands still, so no memory has grown old."""
    return set((await place.stand.runtime.verifier.verify(token_of(await check(key)))).scope)


async def test_a_demoted_makers_key_is_narrower_and_its_older_token_stale(
    place: Place, owner: Person, check: Check
) -> None:
    admin = await place.act(Role.ADMIN)
    key = (await make(admin, "deals:*", "invoices:read"))["token"]
    before = token_of(await check(key))
    assert await scope_of(place, check, key) == {"deals:*", "invoices:read"}
    answer = await owner.browser.patch(f"/users/{admin.id}", json={"role": "VIEWER"})
    assert answer.status_code == 200, answer.text
    await hear(place, "member.role_changed")
    assert await scope_of(place, check, key) == {"deals:read"}
    with pytest.raises(TokenStale):
        await place.stand.runtime.verifier.verify(before)


async def test_an_override_of_the_makers_role_is_one_of_the_key(
    place: Place, owner: Person, check: Check
) -> None:
    finance = await place.act(Role.ADMIN)
    key = (await make(finance, "invoices:read", "deals:read"))["token"]
    assert await scope_of(place, check, key) == {"deals:read", "invoices:read"}
    answer = await owner.browser.put("/roles/ADMIN/overrides", json={"grants": [], "denies": ["deals:read"]})
    assert answer.status_code == 200, answer.text
    await hear(place, "member.role_changed")
    assert await scope_of(place, check, key) == {"invoices:read"}
    await owner.browser.put("/roles/ADMIN/overrides", json={"grants": [], "denies": []})
    await hear(place, "member.role_changed")
    assert await scope_of(place, check, key) == {"deals:read", "invoices:read"}


async def test_a_change_is_asked_about_once(place: Place, owner: Person, check: Check) -> None:
    admin = await place.act(Role.ADMIN)
    key = (await make(admin))["token"]
    await check(key)
    await owner.browser.patch(f"/users/{admin.id}", json={"role": "VIEWER"})
    await hear(place, "member.role_changed")
    assert token_of(await check(key)) == token_of(await check(key))


async def test_keys_are_switched_off_and_on_at_once(place: Place, owner: Person, check: Check) -> None:
    key = (await make(owner))["token"]
    answers = [status(await check(key))]
    for is_enabled in (False, True):
        answer = await owner.browser.patch("/settings/features/api-keys", json={"enabled": is_enabled})
        assert answer.status_code == 200, answer.text
        await hear(place, "module.enabled", "module.disabled", "organisation.updated")
        answers.append(status(await check(key)))
    assert answers == [200, 403, 200]


async def test_a_person_whom_the_platform_disables_leaves_no_key(
    place: Place, owner: Person, check: Check
) -> None:
    admin = await place.act(Role.ADMIN)
    key = await make(admin)
    assert status(await check(key["token"])) == 200
    platform = await platform_owner(place)
    users = f"{TENANTS}/{place.owner.org_id}/users/{admin.id}"
    for action in ("disable", "enable"):
        answer = await platform.browser.post(f"{users}/{action}")
        assert answer.status_code == 200, answer.text
    (fact,) = await place.facts("api_key.revoked")
    assert fact.message.api_key.id == key["id"]
    await hear(place, "api_key.revoked")
    assert status(await check(key["token"])) == 401
    assert (await owner.browser.get(f"{KEYS}/{key['id']}")).json()["revokedAt"] is not None
