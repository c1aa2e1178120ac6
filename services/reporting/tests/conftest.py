"""The reporting service with an organisation, its policies and its people, and the jobs of its peers as fakes."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from services.reporting.tests.place import AUDIT_KEY, NOON, Place

from chassis.testing.plugin import Start
from clients.identity.client import IdentityClient
from clients.identity.fake import FakeIdentity
from clients.jobs.fake import FakeJobs
from reporting.job_desk import JobDesk
from reporting.main import PEERS, REPORTING


@pytest.fixture
async def place(start: Start) -> AsyncIterator[Place]:
    """An organisation with the default policies, at noon of an ordinary day."""
    peers = {name: FakeJobs(name) for name in PEERS}
    identity = FakeIdentity()
    stand = await start(
        REPORTING,
        {JobDesk: JobDesk(peers), IdentityClient: identity},
        audit_key=SecretStr(AUDIT_KEY),
        profile="default",
    )
    stand.clock.now = NOON
    async with stand.client() as api:
        place = Place(stand, peers, api, identity)
        await place.organisation()
        yield place
