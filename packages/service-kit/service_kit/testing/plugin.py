"""The pytest plugin of the repository: uvloop, and the servers stopped at the end."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from service_kit.testing.servers import stop_servers


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that services run on."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_unconfigure(config: pytest.Config) -> None:
    """End of the run."""
    stop_servers()
