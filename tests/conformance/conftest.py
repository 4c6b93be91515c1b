"""All services, run together once."""

from collections.abc import AsyncIterator

import pytest
from service_kit.registry import services
from service_kit.testing import Mesh, running


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Every installed service in one mesh."""
    async with running(*services().values()) as mesh:
        yield mesh
