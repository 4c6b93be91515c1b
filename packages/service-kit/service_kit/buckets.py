"""Token buckets: how often a minute something may happen for one key, kept in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable

_MINUTE = 60.0
_REMEMBERED = 20_000  # keys; the one not heard of for longest is forgotten first


class Buckets:
    """A bucket per key that gets *per_minute* tokens in a minute, and holds *burst* or as many.

    *now* is a clock in seconds; while it is set back, no tokens are added.
    """

    def __init__(
        self, per_minute: int, now: Callable[[], float] = time.monotonic, *, burst: int | None = None
    ) -> None:
        self._size, self._rate, self._now = float(burst or per_minute), per_minute / _MINUTE, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take a token of *key*: return 0, or without one the seconds until there is one."""
        now = self._now()
        tokens, filled_at = self._buckets.pop(key, (self._size, now))
        tokens = min(self._size, tokens + max(now - filled_at, 0.0) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[key] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return wait
