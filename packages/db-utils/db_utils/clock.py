"""The one clock of the process. Services never ask the system for the time themselves.

Tests stop it (`frozen_at`). A mesh that runs for a demonstration or a test may have it moved in all its
processes at once: they `follow` one file, which holds by how much.
"""

import mmap
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

__all__ = [
    "PARIS",
    "follow",
    "frozen_at",
    "machine",
    "midnight",
    "move",
    "moved_by",
    "now",
    "timestamp",
    "today",
]

PARIS = ZoneInfo("Europe/Paris")

_MOVED_BY = struct.Struct("<q")  # microseconds; written by one store, so that no reader meets half of it
_frozen: dict[object, datetime] = {}  # the last one counts; two may name the same instant
_followed: mmap.mmap | None = None


def now() -> datetime:
    """The current instant, UTC, with a time zone."""
    if _frozen:
        return next(reversed(_frozen.values()))
    return datetime.now(UTC) if _followed is None else datetime.now(UTC) + moved_by()


def timestamp() -> float:
    """The current instant in Unix seconds; cheaper than `now`."""
    return now().timestamp() if _frozen or _followed is not None else time.time()


def machine() -> float:
    """The current instant in Unix seconds for the world outside, whose clock nobody moves.

    Tokens that others make are judged by it. Tests that stop the clock stop it, too.
    """
    return now().timestamp() if _frozen else time.time()


def today() -> date:
    """The current civil day in Paris, where the CRM's days begin and end."""
    return now().astimezone(PARIS).date()


def midnight(day: date) -> datetime:
    """The instant at which *day* begins in Paris."""
    return datetime(day.year, day.month, day.day, tzinfo=PARIS)


def follow(file: Path) -> None:
    """Have the clock of this process moved by what *file* says, now and whenever `move` changes it.

    The file is made if it is missing; the clock then stays where it is.
    """
    global _followed
    with file.open("a+b") as opened:
        if opened.tell() < _MOVED_BY.size:
            opened.truncate(_MOVED_BY.size)
        _followed = mmap.mmap(opened.fileno(), _MOVED_BY.size)


def moved_by() -> timedelta:
    """By how much the clock of this process is moved; nothing if it follows no file."""
    if _followed is None:
        return timedelta()
    return timedelta(microseconds=_MOVED_BY.unpack_from(_followed)[0])


def move(by: timedelta) -> None:
    """Move the clock of all processes that follow the file of this one *by* so much from the machine's."""
    assert _followed is not None, "follow a file first"
    _MOVED_BY.pack_into(_followed, 0, by // timedelta(microseconds=1))


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
