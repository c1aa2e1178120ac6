"""The chassis under test: the sample service, a broker, a stand with relay and consumer."""

from collections.abc import AsyncIterator, Iterator

import pytest

from chassis.bus import Bus
from chassis.testing.databases import Databases
from chassis.testing.plugin import Start
from chassis.testing.stand import Stand
from local.postgres import throwaway
from sample.broker import Broker, own_broker
from sample.notes import NOTES


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """A cluster of the chassis' own: the sample publishes as sales, and real sales may be tested by this worker too."""
    with throwaway() as cluster:
        yield Databases(cluster)


@pytest.fixture
async def notes(start: Start) -> Stand:
    """The sample service, started."""
    return await start(NOTES)


@pytest.fixture
async def broker(databases: Databases) -> AsyncIterator[Broker]:
    """A broker of this test's own, running; what other tests left in the outbox is none of its business."""
    databases.migrated(NOTES)
    with databases.cluster.connect("sales") as superuser:
        superuser.execute("UPDATE outbox SET published_at = now() WHERE published_at IS NULL")
    with own_broker() as broker:
        await broker.start()
        yield broker


@pytest.fixture
async def bus(broker: Broker) -> AsyncIterator[Bus]:
    """A connection to the broker."""
    bus = Bus(broker.url, name="test")
    yield bus
    await bus.close()
