"""The work service with its peers as fakes."""

from collections.abc import AsyncIterator

import pytest
from services.work.tests.place import NOON, Place

from chassis.testing.plugin import Start
from clients.identity.client import IdentityClient
from clients.identity.fake import FakeIdentity
from clients.sales.client import SalesClient
from clients.sales.fake import FakeSales
from work.main import WORK


@pytest.fixture
async def place(start: Start) -> AsyncIterator[Place]:
    """An organisation with the default policies, at noon of an ordinary day."""
    identity, sales = FakeIdentity(), FakeSales()
    stand = await start(WORK, {IdentityClient: identity, SalesClient: sales})
    stand.clock.now = NOON
    identity.add_organisation(stand.org_id)
    identity.add_member(stand.org_id, stand.user_id, name="Test Person", email="person@test.example")
    member = identity.add_member(stand.org_id, name="Olga Owner", email="olga@test.example")
    async with stand.client() as api:
        yield Place(stand, identity, sales, api, member)
