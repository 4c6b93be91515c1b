"""The time left to the current call, passed on to the calls that it makes (C14)."""

import time
from contextvars import ContextVar

__all__ = [
    "shortened",
    "start",
]

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


def start(remaining: float | None) -> None:
    """Note that the current call must be answered within *remaining* seconds, None for no limit."""
    _ends_at.set(None if remaining is None else time.monotonic() + remaining)


def shortened(timeout: float) -> float:
    """The lesser of *timeout* and the time left to the current call, in seconds, never below 0."""
    ends_at = _ends_at.get()
    return timeout if ends_at is None else max(0.0, min(timeout, ends_at - time.monotonic()))
