"""Waiting for a condition instead of a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
_INTERVAL = 0.02


@overload
async def eventually(
    question: Callable[[], Awaitable[T]], *, timeout: float = ..., every: float = ...
) -> T: ...
@overload
async def eventually(question: Callable[[], T], *, timeout: float = ..., every: float = ...) -> T: ...
async def eventually(question: Callable[[], Any], *, timeout: float = 10.0, every: float = _INTERVAL) -> Any:
    """The first true answer to *question*, which is asked again after *every* seconds.

    Raises AssertionError after *timeout* seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        asked = question()
        answer = await asked if inspect.isawaitable(asked) else asked
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still {answer!r} after {timeout} s")
        await asyncio.sleep(every)
