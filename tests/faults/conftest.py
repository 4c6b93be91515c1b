"""Fixtures: a database and a broker of its own for each fault test, and the processes on them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from service_testing import fresh_database, fresh_nats

from tests.faults.processes import Nursery, Processes, processes
from tests.temoin.service import ARCHIVE, TEMOIN


@pytest.fixture(scope="session")
async def nursery() -> AsyncIterator[Nursery]:
    """The nursery, from which the processes of all fault tests are forked."""
    nursery = await Nursery.open()
    yield nursery
    await nursery.close()


@pytest.fixture
async def mesh(nursery: Nursery, tmp_path: Path) -> AsyncIterator[Processes]:
    """A mesh without a process yet."""
    with fresh_nats() as broker:
        async with processes(nursery, fresh_database(TEMOIN, ARCHIVE), broker, tmp_path) as mesh:
            yield mesh
