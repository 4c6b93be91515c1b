"""Lists of accounts by user, remembered in this process (R18, R20).

Instances announce changes to each other by NOTIFY, in the transaction of the change. While this
one does not hear the others, it trusts nothing that it remembers, but for a database that is down.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cachetools import FIFOCache
from db_utils import Connection, Database, DatabaseError, DatabaseUnavailable, StatementTimeout, clock
from prometheus_client import Counter

T = TypeVar("T")

_log = logging.getLogger(__name__)

CHANNEL: Final = "integrations_cache"
FRESH, USABLE = 300.0, 3600.0  # seconds (R18); the second without a database (R20)
MOST_USERS = 10_000
_PATIENCE = 1.0  # seconds for a database that may be down, when a remembered list can be shown instead (R20)
_ALIVE = 30.0  # seconds of silence after which the connection is tried
_AGAIN = 1.0  # seconds until a lost connection is made again

LOOKS = Counter("int_cache_total", "Lists looked for in memory.", ["result"])


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """A list to show; *stale* when the database could not be asked."""

    value: T
    stale: bool = False


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    value: T
    loaded_at: float
    line: int | None  # the connection that was listening while it was loaded, None when none was


class Cache(Generic[T]):
    """Values by user, as *load* found them."""

    def __init__(self, database: Database, load: Callable[[str], Awaitable[T]]) -> None:
        self._database, self._load = database, load
        self._entries: FIFOCache[str, _Entry[T]] = FIFOCache(MOST_USERS)
        self._loading: dict[str, object] = {}
        self._line: int | None = None
        self._lines = 0

    @property
    def listening(self) -> bool:
        """True while changes of other instances are heard."""
        return self._line is not None

    async def get(self, user_id: str) -> Seen[T]:
        """The value of *user_id*, from memory or loaded.

        Raises DatabaseUnavailable, StatementTimeout when it cannot be loaded and none is remembered.
        """
        entry = self._entries.get(user_id)
        age = clock.timestamp() - entry.loaded_at if entry else 0.0
        heard = self._line is not None and entry is not None and entry.line == self._line
        if entry is not None and heard and age < FRESH:
            LOOKS.labels("hit").inc()
            return Seen(entry.value)
        LOOKS.labels("miss").inc()
        if entry is None or age >= USABLE:
            return Seen(await self._loaded(user_id))
        try:
            async with asyncio.timeout(_PATIENCE):
                return Seen(await self._loaded(user_id))
        except (DatabaseUnavailable, StatementTimeout, TimeoutError):
            return Seen(entry.value, stale=True)

    def forget(self, user_id: str) -> None:
        """Forget the value of *user_id*, and the load under way, which may have seen the past."""
        self._entries.pop(user_id, None)
        self._loading.pop(user_id, None)

    async def listen(self) -> None:
        """Hear the changes of other instances until the connection is lost. Raises DatabaseError."""
        async with self._database.session() as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._lines += 1
            self._line = self._lines
            try:
                await self._hear(connection)
            finally:
                self._line = None

    async def keep_listening(self) -> None:
        """Hear the changes of other instances for ever, on a new connection after each loss."""
        while True:
            try:
                await self.listen()
            except DatabaseError as error:
                _log.warning("changes of other instances are not heard: %s", type(error).__name__)
            await asyncio.sleep(_AGAIN)

    async def _hear(self, connection: Connection) -> None:
        while True:
            async for notice in connection.notifies(timeout=_ALIVE):
                self.forget(notice.payload)
            await connection.execute("SELECT 1")

    async def _loaded(self, user_id: str) -> T:
        """Load the value of *user_id*; remember it unless it was forgotten meanwhile."""
        mine = self._loading[user_id] = object()
        line, loaded_at = self._line, clock.timestamp()
        try:
            value = await self._load(user_id)
            if self._loading.get(user_id) is mine:
                self._entries[user_id] = _Entry(value, loaded_at, line)
        finally:
            if self._loading.get(user_id) is mine:
                del self._loading[user_id]
        return value
