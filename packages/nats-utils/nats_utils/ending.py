"""Ending tasks for certain; see `end`."""

import asyncio

_AGAIN = 0.5  # seconds


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel *tasks* until all of them have ended.

    Once may not be enough: before Python 3.12, `asyncio.wait_for` swallows a cancellation
    that comes together with the answer it waits for, and nats-py waits in that way.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
