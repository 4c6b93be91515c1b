"""The pytest plugin of the repository: uvloop, limits, stages, and the servers stopped at the end."""

import asyncio
import functools
import gc
import inspect
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any

import hypothesis
import pytest
import uvloop

from service_testing.fork_server import close_fork_server
from service_testing.servers import begin_run, end_run

pytest_plugins = ["service_testing.folders", "service_testing.fixtures"]

_STAGES = {
    "faults": "the long fault and load tests",
    "maven": "the tests by Java programs that Maven fetches",
}
_SOONER = 10.0  # seconds before pytest-timeout, which can only end the whole run, would step in


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that services run on."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Tests of the stages are run only with the option of their stage."""
    for stage, tests in _STAGES.items():
        parser.addoption(f"--{stage}", action="store_true", help=f"also run {tests}")


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers of the stages, and make the folder that the processes of the run share."""
    begin_run()
    _try_examples_of_every_run_alike()
    for stage, tests in _STAGES.items():
        config.addinivalue_line("markers", f"{stage}: one of {tests}, run with --{stage} only")


def _try_examples_of_every_run_alike() -> None:
    """The same examples in each run, however busy the machine is: no run fails where another passed."""
    unhurried = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile(
        "alike", derandomize=True, database=None, deadline=None, suppress_health_check=unhurried
    )
    hypothesis.settings.load_profile("alike")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are collected: what is made then stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of a stage out unless they are asked for."""
    left_out = [stage for stage in _STAGES if not config.getoption(f"--{stage}")]
    absent = {item for item in items if any(map(item.get_closest_marker, left_out))}
    config.hook.pytest_deselected(items=list(absent))
    items[:] = [item for item in items if item not in absent]


def pytest_itemcollected(item: pytest.Item) -> None:
    """End an asynchronous test that hangs, and it alone.

    pytest-timeout's signal does not get through uvloop (tried with 0.23: the run hangs for ever).
    """
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
        marker = item.get_closest_marker("timeout")
        limit = float(marker.args[0] if marker else item.config.getini("timeout"))
        item.obj = _bounded(item.obj, limit - _SOONER)


def _bounded(test: Callable[..., Awaitable[None]], limit: float) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def bounded(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(limit):
            await test(*args, **kwargs)

    return bounded


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape halves of surrogate pairs in what a test has logged: no worker could send them."""
    report = yield
    report.sections = [(title, _sendable(text)) for title, text in report.sections]
    return report


def _sendable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End of the run."""
    close_fork_server()
    end_run()
