"""API keys sweep: a key opens what its scopes name and nothing else, and what it does is done by it (W7, W9)."""

from uuid import uuid4

import httpx2
import pytest
from tests.contract import recipes
from tests.contract.operations import WRITING, Operation, operations
from tests.contract.organisations import Organisation
from tests.contract.recipes import RECIPES
from tests.contract.test_facts import WITHOUT_ACTIVITY

from chassis.clock import utc_now
from identity.domain.api_keys import FOR_PEOPLE
from identity.domain.permissions import CATALOGUE
from identity.porter import Porter

GUARDED = [each for each in operations() if not each.is_public]
"""With the platform's doors, which know other tokens alone."""
GRANTABLE = [
    each.key
    for each in CATALOGUE
    if each.key.partition(":")[0] not in FOR_PEOPLE or each.key.endswith(":read")
]


async def bearer(org: Organisation, *scopes: str) -> httpx2.AsyncClient:
    """The API, as the gateway passes on the requests of a new key."""
    identity = org.platform.stands["identity"]
    identity.clock.now = utc_now()  # it stands still, and a key's token lives for two minutes
    made = await org.post("/org/api-tokens", {"name": org.name("Key"), "scopes": scopes})
    porter = identity.runtime.part(Porter)
    return org.platform.client((await porter.admit(made["token"])).token)


@pytest.fixture
async def narrow(organisation: Organisation) -> httpx2.AsyncClient:
    """A key that may see deals."""
    return await bearer(organisation, "deals:read")


@pytest.fixture
async def wide(organisation: Organisation) -> httpx2.AsyncClient:
    """A key with everything that a key can have."""
    return await bearer(organisation, *GRANTABLE)


VIEWS = {f"{method} /views/{{id}}" for method in ("GET", "PATCH", "DELETE")}
"""Somebody's own: nobody else's, whatever they may do."""
NOTES = {f"{method} /notes/{{id}}" for method in ("GET", "PATCH", "DELETE")}
"""On a company here: not there for whoever may not see it."""


def test_what_administers_is_not_among_what_a_key_can_have():
    kept = {each.key for each in CATALOGUE} - set(GRANTABLE)
    assert {"users:manage", "api-keys:manage", "roles:manage", "organisations:create"} <= kept
    assert not any(each.endswith(":read") for each in kept)


@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.line)
async def test_a_key_opens_the_doors_of_its_scope_and_no_other(
    operation: Operation, organisation: Organisation, narrow: httpx2.AsyncClient
):
    call = await RECIPES[operation.id](organisation)
    answer = await narrow.request(operation.method, call.url, **call.content, headers=call.headers)
    if operation.line in VIEWS | NOTES:
        assert answer.status_code == 404, answer.text
    elif "deals:read" in operation.permissions:
        assert answer.status_code < 300, answer.text
    elif operation.is_platform:
        assert answer.status_code == 404, answer.text
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN"), answer.text


@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.line)
async def test_whatever_a_key_may_do_works_and_is_recorded_as_its_doing(
    operation: Operation, organisation: Organisation, wide: httpx2.AsyncClient
):
    call = await RECIPES[operation.id](organisation)
    request_id = str(uuid4())
    headers = call.headers | {"x-request-id": request_id}
    answer = await wide.request(operation.method, call.url, **call.content, headers=headers)
    if operation.permissions.isdisjoint(GRANTABLE):
        assert answer.status_code == (404 if operation.is_platform else 403), answer.text
        return
    if operation.line in VIEWS:
        assert answer.status_code == 404, answer.text
        return
    assert answer.status_code < 300, answer.text
    entries = await organisation.platform.entries(operation.service, request_id)
    assert {each["actor"]["kind"] for each in entries} <= {"key"}
    if operation.method in WRITING:
        assert bool(entries) == (operation.line not in WITHOUT_ACTIVITY)


async def test_a_key_is_nobody_who_could_be_responsible_for_a_deal(
    organisation: Organisation, wide: httpx2.AsyncClient
):
    lead = await recipes.lead(organisation)
    answer = await wide.post(f"/api/v1/leads/{lead['id']}/convert-to-deal", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "OWNER_REQUIRED")
    person = await (await organisation.client()).post(f"/api/v1/leads/{lead['id']}/convert-to-deal", json={})
    assert person.status_code == 201, person.text
