"""The days of a mesh, shared by stories that wait for theirs."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from service_testing.command import Command

from tests.e2e.money.commands import set_clock


class Timeline:
    """The clock of a mesh, which is moved to the earliest instant that a story waits for.

    It moves only when all *stories* wait: none of them misses what happens on its own days. After each
    move *moved* is called.
    """

    def __init__(self, crm: Command, stories: int, moved: Callable[[], None]) -> None:
        self.crm, self._active, self._moved = crm, stories, moved
        self._waiting: list[tuple[str, int, asyncio.Event]] = []
        self._order = count()
        self._moving = asyncio.Lock()

    async def until(self, instant: str) -> None:
        """Wait until the clock stands at *instant*, as in 2026-02-03T06:00 (Paris)."""
        reached = asyncio.Event()
        heapq.heappush(self._waiting, (instant, next(self._order), reached))
        await self._move()
        await reached.wait()

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Be one of the stories; the others need not wait for it any more when it has ended."""
        try:
            yield
        finally:
            self._active -= 1
            await self._move()

    async def _move(self) -> None:
        async with self._moving:
            if not self._waiting or len(self._waiting) < self._active:
                return
            instant = self._waiting[0][0]
            await set_clock(self.crm, instant)
            self._moved()
            while self._waiting and self._waiting[0][0] == instant:
                heapq.heappop(self._waiting)[2].set()
