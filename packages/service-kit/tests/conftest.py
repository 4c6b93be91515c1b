"""A service to run: the clients service, with jobs as each test likes them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from service_clients.service import SERVICE
from service_kit import Service, Worker

WithWorkers = Callable[..., Service]


@pytest.fixture
def with_workers() -> WithWorkers:
    """Makes the service with these workers."""

    def made(*workers: Worker) -> Service:
        return replace(SERVICE, workers=workers)

    return made
