"""Whatever bytes a proven caller sends, a service answers with a status that it meant."""

import asyncio

import pytest
from service_kit import Service
from service_kit.registry import services
from service_testing import Mesh

from tests.conformance.random_requests import Callers

CALLS = max(5000 // len(services()), 500)  # per service
UNDER_WAY = 20


@pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)
async def test_no_request_is_answered_by_a_failure(mesh: Mesh, service: Service) -> None:
    """Over all methods each is answered or refused (C7), and the service is well afterwards."""
    callers = Callers(mesh, service)

    async def worker(first: int) -> None:
        for number in range(first, CALLS, UNDER_WAY):
            await callers.call(number)

    await asyncio.gather(*(worker(first) for first in range(UNDER_WAY)))
    assert callers.failures == []
    assert callers.answered > CALLS // 50, "hardly any request was good enough"
    assert mesh[service.name].serving
