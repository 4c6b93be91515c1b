"""All services, run together once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from service_kit.registry import services
from service_kit.testing import Mesh, running


@pytest.fixture(scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    """Every installed service in one mesh, without its jobs: rows change by calls and events alone."""
    async with running(*(replace(service, workers=()) for service in services().values())) as mesh:
        yield mesh
