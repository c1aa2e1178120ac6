"""The platform's own doors: only whoever owns the platform, only on its host, whatever a tenant's role holds."""

import pytest
from services.identity.tests.conftest import ROOT_DOMAIN
from services.identity.tests.platform_owner import PLATFORM_HOST
from tests.contract.operations import Operation, operations
from tests.contract.organisations import Organisation
from tests.contract.recipes import RECIPES
from tests.contract.roles_table import PLATFORM

from identity.domain.roles import Role

DOORS = [each for each in operations() if each.is_platform and not each.is_public]
TENANT_DOORS = [
    each
    for each in operations()
    if not (each.is_platform or each.is_public or each.has_id or each.method != "GET")
]


def test_no_door_is_forgotten() -> None:
    assert len(DOORS) == len(PLATFORM)
    assert len({each.service for each in TENANT_DOORS}) == 6


@pytest.mark.parametrize("operation", DOORS, ids=lambda each: each.line)
async def test_no_role_of_a_tenant_reaches_the_platform(
    operation: Operation, organisation: Organisation
) -> None:
    call = await RECIPES[operation.id](organisation)
    elsewhere = (f"{organisation.mark}.{ROOT_DOMAIN}", "localhost", f"api.{ROOT_DOMAIN}")
    for role in Role:
        client = await organisation.client(role)
        answer = await client.request(
            operation.method, call.url, **call.content, headers={"host": PLATFORM_HOST}
        )
        assert answer.status_code == 401, f"{role}: {answer.text}"
    for host in elsewhere:
        client = await organisation.client()
        answer = await client.request(operation.method, call.url, **call.content, headers={"host": host})
        assert answer.status_code == 404, f"{host}: {answer.text}"


@pytest.mark.parametrize("operation", DOORS, ids=lambda each: each.line)
async def test_nobody_is_let_in_without_a_token_or_on_another_host(
    operation: Operation, organisation: Organisation
) -> None:
    call = await RECIPES[operation.id](organisation)
    owner = await organisation.platform.administrator()
    async with organisation.platform.client(host=PLATFORM_HOST) as anonymous:
        for content in (b"", b"{", b'{"surprise": 1}'):
            answer = await anonymous.request(
                operation.method,
                f"{call.url}{'&' if '?' in call.url else '?'}surprise=1",
                content=content,
                headers={"content-type": "application/json"},
            )
            assert answer.status_code == 401, answer.text
    answer = await owner.request(operation.method, call.url, **call.content, headers={"host": "localhost"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("operation", TENANT_DOORS, ids=lambda each: each.line)
async def test_platform_token_opens_no_door_of_a_tenant(
    operation: Operation, organisation: Organisation
) -> None:
    call = await RECIPES[operation.id](organisation)
    owner = await organisation.platform.administrator()
    for host in ("localhost", f"{organisation.mark}.{ROOT_DOMAIN}"):
        answer = await owner.get(call.url, headers={"host": host})
        assert answer.status_code == 401, answer.text
    assert (await owner.get(call.url)).status_code in {401, 404}
