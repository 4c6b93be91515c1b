"""Identifiers of rows. They sort by creation time, so that indexes grow at one end."""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def _unlock() -> None:
    """Replace the lock in a child process: a thread that held it at the fork exists only in the parent."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock)


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, a counter of 12 bits, 62 random bits.

    Each one of a process is greater than the one before, also within a millisecond: the counter
    is `rand_a` (RFC 9562 section 6.2, method 1). Safe in threads and after a fork.
    """
    global _last
    with _lock:
        now = (time.time_ns() // 1_000_000) << 12
        _last = now if now > _last else _last + 1
        stamp = _last
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64
    value |= 0b10 << 62 | int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=value)


def parse_uuid(text: str) -> uuid.UUID | None:
    """The UUID that *text* spells in its canonical form, in any case; None for every other text."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
