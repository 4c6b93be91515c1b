"""Ending tasks, also those in which something swallows a cancellation."""

import asyncio
from contextlib import suppress

import pytest
from nats_utils.ending import end, together


async def stubborn(started: asyncio.Event) -> None:
    """Go on after the first cancellation, as a loop does whose wait_for has swallowed it."""
    started.set()
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


async def test_a_swallowed_cancellation_is_repeated() -> None:
    """All tasks have ended afterwards, whichever way each takes it."""
    started = asyncio.Event()
    tasks = [asyncio.create_task(stubborn(started)), asyncio.create_task(asyncio.sleep(3600))]
    await started.wait()
    await end(*tasks)
    assert [task.cancelled() for task in tasks] == [True, True]


async def test_a_repeated_cancellation_reaches_loops_that_run_together() -> None:
    """However deep they are, and though the first one was swallowed."""
    started = asyncio.Event()
    loops = asyncio.create_task(together(stubborn(started), asyncio.Event().wait()))
    await started.wait()
    async with asyncio.timeout(10):
        await end(loops)
    assert loops.cancelled()


async def test_loops_that_run_together_end_together() -> None:
    """Whoever waits for them is told why."""
    started, left = asyncio.Event(), asyncio.Event()

    async def fail() -> None:
        await started.wait()
        raise LookupError

    async def go_on() -> None:
        try:
            await stubborn(started)
        finally:
            left.set()

    with pytest.raises(LookupError):
        await together(fail(), go_on())
    assert left.is_set()
