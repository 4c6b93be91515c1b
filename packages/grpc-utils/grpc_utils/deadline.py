"""The time that is left to the current call, passed on to the calls it makes."""

import time
from contextvars import ContextVar

__all__ = [
    "shortened",
    "start",
]

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


def start(remaining: float | None) -> None:
    """Note that the current call must be answered within *remaining* seconds."""
    _ends_at.set(None if remaining is None else time.monotonic() + remaining)


def shortened(timeout: float) -> float:
    """*timeout* seconds, or what is left to the current call if that is less."""
    ends_at = _ends_at.get()
    return timeout if ends_at is None else max(0.0, min(timeout, ends_at - time.monotonic()))
