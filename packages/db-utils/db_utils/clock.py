"""The one clock of the process: services never ask the system for the time themselves."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


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
    """Stop the clock at *instant* for everything in this process (tests)."""
    global _source
    former, _source = _source, lambda: instant
    try:
        yield
    finally:
        _source = former
