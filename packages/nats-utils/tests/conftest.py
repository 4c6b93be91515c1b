"""A database with the test services' schemas, a broker, and a connection to it, for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from db_utils import Database
from nats_utils import Bus, declared
from service_kit.embedded import EmbeddedNats
from service_testing import fresh_database, fresh_nats
from tests.observing import open_bus

from tests.temoin.service import ARCHIVE, TEMOIN


@pytest.fixture
def broker() -> Iterator[EmbeddedNats]:
    """A broker of the test's own."""
    with fresh_nats() as broker:
        yield broker


@pytest.fixture
async def bus(broker: EmbeddedNats) -> AsyncIterator[Bus]:
    """A connection to the broker, with all streams declared."""
    async with open_bus(broker.url, declared()) as bus:
        yield bus


@pytest.fixture
def url() -> str:
    """A database of the test's own."""
    return fresh_database(TEMOIN, ARCHIVE)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The schema of the service `temoin`."""
    database = Database(url, TEMOIN.name)
    await database.open()
    yield database
    await database.close()
