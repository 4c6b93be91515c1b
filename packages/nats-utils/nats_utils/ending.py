"""The end of background tasks."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_AGAIN = 0.5  # seconds


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel *tasks*, again every half second, and return when all of them have ended.

    One cancellation may not be enough: before Python 3.12, `asyncio.wait_for` swallows one
    that comes together with the awaited answer, and nats-py waits that way.

    A caller who is cancelled meanwhile is told once they have ended.
    """
    left, interrupted = set(tasks), False
    while left:
        for task in left:
            task.cancel()
        try:
            await asyncio.wait(left, timeout=_AGAIN)
        except asyncio.CancelledError:
            interrupted = True
        left = {task for task in left if not task.done()}
    if interrupted:
        raise asyncio.CancelledError


async def together(*loops: Coroutine[Any, Any, Any]) -> None:
    """Run *loops* side by side until one of them fails, or the caller is cancelled; then none runs on.

    An `asyncio.TaskGroup` cancels its tasks once, however often it is cancelled itself (see `end`).
    """
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end(*tasks)
