"""The end of background tasks."""

import asyncio
from typing import Any

_AGAIN = 0.5  # seconds


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel *tasks*, again every half second, and return when all of them have ended.

    One cancellation may not be enough: before Python 3.12, `asyncio.wait_for` swallows one
    that comes together with the awaited answer, and nats-py waits that way.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
