"""Waiting in commands for what may come soon: a bound, and a word to whoever watches."""

import time
from collections.abc import Callable

_PAUSE = 0.5  # seconds between two tries


class Patience:
    """So many *seconds* for all waits together; *tell* hears why it waits, each reason once."""

    def __init__(self, seconds: float, tell: Callable[[str], None] = lambda reason: None) -> None:
        self._ends, self._tell = time.monotonic() + seconds, tell
        self._told: set[str] = set()

    def pause(self, reason: str) -> bool:
        """Wait a moment for *reason*; False, and at once, when the time is over."""
        if time.monotonic() >= self._ends:
            return False
        if reason not in self._told:
            self._told.add(reason)
            self._tell(reason)
        time.sleep(_PAUSE)
        return True
