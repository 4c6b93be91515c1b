"""The dashboard service and clients, whose events it counts, run once for all tests of this folder."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from service_dashboard.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, running

_numbers = count(1)


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """A mesh of clients and dashboard."""
    async with running(service_named("clients"), SERVICE) as mesh:
        yield mesh


@pytest.fixture
def org() -> str:
    """An organisation that no other test uses."""
    return f"org-dashboard-{next(_numbers)}"
