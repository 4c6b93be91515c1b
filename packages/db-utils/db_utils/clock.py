"""The one clock of the process: services never ask the system for the time themselves."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

__all__ = [
    "PARIS",
    "frozen_at",
    "now",
    "timestamp",
    "today",
]

PARIS = ZoneInfo("Europe/Paris")


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system
_stops: list[Callable[[], datetime]] = []  # the last one counts


def now() -> datetime:
    """The current instant, UTC, with a time zone."""
    return _source()


def timestamp() -> float:
    """The current instant in Unix seconds; cheaper than `now`."""
    return time.time() if _source is _system else _source().timestamp()


def today() -> date:
    """The current civil day in Paris, where the CRM's days begin and end."""
    return now().astimezone(PARIS).date()


@contextmanager
def frozen_at(instant: datetime) -> Iterator[None]:
    """Stop the clock at *instant* for everything in this process (tests).

    It goes on once everybody who has stopped it has left, in whatever order.
    """

    def stopped() -> datetime:
        return instant

    _stops.append(stopped)
    _take_source()
    try:
        yield
    finally:
        _stops.remove(stopped)
        _take_source()


def _take_source() -> None:
    global _source
    _source = _stops[-1] if _stops else _system
