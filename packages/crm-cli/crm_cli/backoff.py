"""Pauses before something that has ended is started again."""

import time

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STABLE = 30.0  # seconds of running after which the pause starts small again


class Backoff:
    """Pauses of 0.5 s, 1 s, 2 s … 30 s between the starts of one process."""

    def __init__(self) -> None:
        self._started_at = 0.0
        self._pause = _FIRST_PAUSE
        self._due: float | None = None

    @property
    def over(self) -> bool:
        """Whether it is time to start again."""
        return self._due is not None and time.monotonic() >= self._due

    def started(self) -> None:
        """Note that the process runs."""
        self._started_at, self._due = time.monotonic(), None

    def ended(self) -> float:
        """Note that the process has ended; return the seconds until its next start."""
        now = time.monotonic()
        if now - self._started_at > _STABLE:
            self._pause = _FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        self._due = now + pause
        return pause

    def cancel(self) -> None:
        """Do not start again."""
        self._due = None
