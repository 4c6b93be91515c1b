"""Fixtures: a database and a broker of its own for each fault test, and the processes on them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from service_testing import fresh_database, fresh_nats

from tests.faults.processes import ForkServer, Processes, processes
from tests.temoin.service import ARCHIVE, TEMOIN


@pytest.fixture(scope="package")
async def fork_server() -> AsyncIterator[ForkServer]:
    """The fork server, from which the processes of all fault tests are forked."""
    fork_server = await ForkServer.open()
    yield fork_server
    await fork_server.close()


@pytest.fixture
async def mesh(fork_server: ForkServer, tmp_path: Path) -> AsyncIterator[Processes]:
    """A mesh without a process yet."""
    with fresh_nats() as broker:
        async with processes(fork_server, fresh_database(TEMOIN, ARCHIVE), broker, tmp_path) as mesh:
            yield mesh
