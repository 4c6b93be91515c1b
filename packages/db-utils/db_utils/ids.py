"""Identifiers that sort by creation time, so that indexes grow at one end."""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def _unlock() -> None:
    """In a child process: the thread that held the lock at the fork exists only in the parent."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock)


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, a counter, 62 random bits.

    Within a process each one is greater than the former, also within a millisecond:
    the 12 bits of `rand_a` count on (RFC 9562 section 6.2, method 1).
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
    """The UUID written as *text* in its canonical form, None for anything else."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
