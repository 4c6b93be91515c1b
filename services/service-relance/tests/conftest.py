"""Mesh of relance and the clients whom it reminds, run once for all tests of this folder.

The job of relance is left out of the mesh: tests call it at the instant they choose.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count

import pytest
from service_kit.registry import service_named
from service_relance.service import SERVICE
from service_testing import Mesh, running

_numbers = count(1)


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Mesh of clients and relance."""
    async with running(service_named("clients"), replace(SERVICE, workers=())) as mesh:
        yield mesh


@pytest.fixture
def org() -> str:
    """Id of an organisation that no other test uses."""
    return f"org-relance-{next(_numbers)}"
