"""Ending tasks, also those in which something swallows a cancellation."""

import asyncio
from contextlib import suppress

from nats_utils.ending import end


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
