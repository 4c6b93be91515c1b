"""The pytest plugin of the repository: uvloop, and the servers stopped at the end."""

import pytest
import uvloop

from service_kit.testing.servers import stop_servers


@pytest.fixture(scope="session")
def event_loop_policy() -> uvloop.EventLoopPolicy:
    """Tests run on the loop that services run on."""
    return uvloop.EventLoopPolicy()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End of the run."""
    stop_servers()
