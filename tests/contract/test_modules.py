"""What an organisation has switched off is closed in every service, whoever asks and however."""

import pytest
from tests.contract.operations import Operation, operations
from tests.contract.organisations import Organisation
from tests.contract.platform import ORDER, Platform, service_named
from tests.contract.recipes import RECIPES

GUARDED = [each for each in operations() if not each.is_public and each.service != "identity"]


@pytest.fixture(scope="module")
async def without(platform: Platform) -> Organisation:
    """An organisation that has every module switched off."""
    organisation = await Organisation.founded(platform)
    client = await organisation.client()
    for name in set(ORDER) - {"identity"}:
        answer = await client.patch(f"/api/v1/settings/modules/{name}", json={"enabled": False})
        assert answer.status_code == 200, answer.text
    await platform.carry(organisation.id)
    for stand in platform.stands.values():
        stand.runtime.tenants._known.pop(organisation.id, None)  # as the fact does in a running service
    return organisation


def test_every_service_but_identity_is_a_module_of_its_own_name():
    assert {name: service_named(name).module for name in ORDER} == {
        name: None if name == "identity" else name for name in ORDER
    }


@pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.line)
async def test_every_door_of_a_module_that_is_off_says_so(
    operation: Operation, organisation: Organisation, without: Organisation
):
    call = await RECIPES[operation.id](organisation)
    client = await without.client()
    answer = await client.request(operation.method, call.url, **call.content, headers=call.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "MODULE_DISABLED"), answer.text
