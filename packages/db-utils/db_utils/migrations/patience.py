"""Bounded waiting in commands, with a word for the person who watches."""

import time
from collections.abc import Callable

_PAUSE = 0.5  # seconds between two tries


class Patience:
    """A budget of *seconds* for all waits together; *tell* is called once with each reason to wait."""

    def __init__(self, seconds: float, tell: Callable[[str], None] = lambda reason: None) -> None:
        self._ends, self._tell = time.monotonic() + seconds, tell
        self._told: set[str] = set()

    def pause(self, reason: str) -> bool:
        """Wait half a second for *reason* and return True; return False at once when the budget is spent."""
        if time.monotonic() >= self._ends:
            return False
        if reason not in self._told:
            self._told.add(reason)
            self._tell(reason)
        time.sleep(_PAUSE)
        return True
