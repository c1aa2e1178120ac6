"""The chassis under test: the sample service, a broker, a stand with relay and consumer."""

from collections.abc import AsyncIterator

import pytest

from chassis.bus import Bus
from chassis.testing.plugin import Start
from chassis.testing.stand import Stand
from sample.broker import Broker, own_broker
from sample.notes import NOTES


@pytest.fixture
async def notes(start: Start) -> Stand:
    """The sample service, started."""
    return await start(NOTES)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    """A broker of this test's own, running."""
    with own_broker() as broker:
        await broker.start()
        yield broker


@pytest.fixture
async def bus(broker: Broker) -> AsyncIterator[Bus]:
    """A connection to the broker."""
    bus = Bus(broker.url, name="test")
    yield bus
    await bus.close()
