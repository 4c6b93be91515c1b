"""The clients service, run once for all tests of this folder."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from service_clients.service import SERVICE
from service_kit.testing import Mesh, running

_numbers = count(1)


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """A mesh with the clients service alone."""
    async with running(SERVICE) as mesh:
        yield mesh


@pytest.fixture
def org() -> str:
    """An organisation that no other test uses."""
    return f"org-clients-{next(_numbers)}"
