"""The whole platform in one process, once per worker, and an organisation in it."""

from collections.abc import AsyncIterator

import pytest
from tests.contract.organisations import Organisation
from tests.contract.platform import Platform

from chassis.testing.databases import Databases


@pytest.fixture(scope="session")
async def platform(databases: Databases) -> AsyncIterator[Platform]:
    """Every service, wired as in production but for the broker."""
    async with Platform.started(databases) as platform:
        yield platform


@pytest.fixture(scope="session")
async def organisation(platform: Platform) -> Organisation:
    """One organisation for the sweeps that need no neighbour."""
    return await Organisation.founded(platform)
