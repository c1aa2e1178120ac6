"""The whole platform in one process, once per worker, and an organisation in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
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
async def organisation(platform: Platform) -> Organisation:
    """One organisation for the sweeps that need no neighbour."""
    return await Organisation.founded(platform)
