"""The whole platform in one process, once per worker, and an organisation in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.contract.operations import Operation
from tests.contract.organisations import Organisation
from tests.contract.platform import Platform

from chassis.testing.databases import Databases
from local.postgres import throwaway


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """A cluster of these tests' own: a service's tests move its clock and clean up across organisations."""
    with throwaway() as cluster:
        yield Databases(cluster)


@pytest.fixture(scope="session")
async def platform(databases: Databases) -> AsyncIterator[Platform]:
    """Every service, wired as in production but for the broker."""
    async with Platform.started(databases) as platform:
        yield platform


@pytest.fixture(scope="session")
async def common_organisation(platform: Platform) -> Organisation:
    """The organisation of all sweeps."""
    return await Organisation.founded(platform)


@pytest.fixture
async def organisation(
    request: pytest.FixtureRequest, platform: Platform, common_organisation: Organisation
) -> Organisation:
    """One organisation for the sweeps that need no neighbour; another one for what would disturb the others."""
    parameters = getattr(request.node, "callspec", None)
    operation = parameters.params.get("operation") if parameters else None
    is_apart = isinstance(operation, Operation) and operation.is_disruptive
    return await Organisation.founded(platform) if is_apart else common_organisation
