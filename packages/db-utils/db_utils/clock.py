"""The one clock of the process. Services never ask the system for the time themselves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

__all__ = [
    "PARIS",
    "frozen_at",
    "midnight",
    "now",
    "timestamp",
    "today",
]

PARIS = ZoneInfo("Europe/Paris")

_frozen: dict[object, datetime] = {}  # the last one counts; two may name the same instant


def now() -> datetime:
    """The current instant, UTC, with a time zone."""
    return next(reversed(_frozen.values())) if _frozen else datetime.now(UTC)


def timestamp() -> float:
    """The current instant in Unix seconds; cheaper than `now`."""
    return now().timestamp() if _frozen else time.time()


def today() -> date:
    """The current civil day in Paris, where the CRM's days begin and end."""
    return now().astimezone(PARIS).date()


def midnight(day: date) -> datetime:
    """The instant at which *day* begins in Paris."""
    return datetime(day.year, day.month, day.day, tzinfo=PARIS)


@contextmanager
def frozen_at(instant: datetime) -> Iterator[None]:
    """Stop the clock at *instant* for everything in this process (tests).

    Blocks may overlap: the last one that was entered and not left counts, and the clock goes
    on once all are left, in whatever order.
    """
    mine = object()
    _frozen[mine] = instant
    try:
        yield
    finally:
        del _frozen[mine]
