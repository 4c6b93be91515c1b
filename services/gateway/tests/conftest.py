"""The gateway, run once for the tests that need no service behind it."""

from collections.abc import AsyncIterator, Callable
from itertools import count

import httpx
import pytest
from gateway.edge import GATEWAY
from service_kit.testing import Mesh, running

FRONT, OTHER_FRONT = "https://app.example", "http://localhost:3000"
_numbers = count(1)

Browse = Callable[[Mesh], httpx.AsyncClient]


def browser(mesh: Mesh) -> httpx.AsyncClient:
    """A browser with an address of its own, as a trusted proxy tells it."""
    number = next(_numbers)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return httpx.AsyncClient(
        base_url=f"http://{mesh.address('gateway')}", headers={"x-forwarded-for": address}
    )


@pytest.fixture(scope="session")
async def alone() -> AsyncIterator[Mesh]:
    """A gateway behind which nobody answers."""
    origins = f"{FRONT},{OTHER_FRONT}"
    async with running(GATEWAY, frontend_origins=origins, trusted_proxies="127.0.0.1") as mesh:
        yield mesh


@pytest.fixture
async def edge(alone: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at that gateway."""
    async with browser(alone) as client:
        yield client
