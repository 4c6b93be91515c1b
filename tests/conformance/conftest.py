"""All services and edges, run together once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from service_kit.registry import edges, services
from service_testing import Mesh, running


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Everything that is installed in one mesh, without jobs: rows change by calls and events alone."""
    still = (replace(service, workers=()) for service in services().values())
    async with running(*still, *edges().values(), bcrypt_cost=4) as mesh:
        yield mesh
