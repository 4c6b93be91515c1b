"""The connections of a process, handed from call to call without asking anybody.

psycopg_pool makes the connections, replaces broken ones and survives a database that is
away; what it has made stays here while it works, because giving a connection back and
taking it again for each statement costs a fifth of the statement.
"""

import asyncio
from collections import deque
from typing import Any

from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

from db_utils.errors import DatabaseUnavailable
from db_utils.execution import Connection
from db_utils.failures import translated

ACQUIRE_TIMEOUT = 2.0  # seconds to wait for a connection (C12)


class Pool:
    """At most *size* connections made with psycopg's *options*."""

    def __init__(self, url: str, size: int, options: dict[str, Any]) -> None:
        self._size = size
        self._made: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            kwargs={"autocommit": True, **options},
            min_size=1,
            max_size=size,
            timeout=ACQUIRE_TIMEOUT,
            reconnect_timeout=10,
            open=False,
        )
        self._taken = 0
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    async def open(self) -> None:
        """Start connecting; returns at once, also while the server is away."""
        await self._made.open()

    async def close(self) -> None:
        """Close the connections that nobody uses any more."""
        while self._idle:
            await self._made.putconn(self._idle.pop())
        await self._made.close()

    async def acquire(self) -> Connection:
        """A connection of one's own. Raises DatabaseUnavailable after two seconds."""
        while True:
            if self._idle:
                return self._idle.pop()
            if self._taken < self._size:
                return await self._take()
            connection = await self._wait()
            if connection is not None:
                return connection

    async def release(self, connection: Connection) -> None:
        """Give *connection* to who waits longest; a broken one goes, with its idle siblings."""
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            await self._discard(connection)
            return
        if not self._hand_over(connection):
            self._idle.append(connection)

    async def _take(self) -> Connection:
        self._taken += 1
        try:
            with translated():
                return await self._made.getconn()
        except BaseException:
            self._taken -= 1
            raise

    async def _wait(self) -> Connection | None:
        """The next connection that becomes free; None when there is room for a new one."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and (connection := waiter.result()) is not None:
                await self.release(connection)
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable("all connections are busy") from None
            raise

    def _hand_over(self, connection: Connection | None) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    async def _discard(self, connection: Connection) -> None:
        stale = [connection, *self._idle] if connection.broken else [connection]
        if connection.broken:
            self._idle.clear()
        for one in stale:
            self._taken -= 1
            await one.close()
            await self._made.putconn(one)
            self._hand_over(None)
