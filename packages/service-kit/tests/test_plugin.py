"""The pytest plugin."""

import asyncio

import uvloop


async def test_tests_run_on_the_loop_of_the_services() -> None:
    """What differs between loops is seen by the tests."""
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
