"""A bounded pool of connections.

Giving a connection back is a plain function, so that no cancellation can interrupt it. New
connections are made in tasks of the pool: a caller that gives up interrupts none of them, and
a server that is away is tried again as long as somebody waits.
"""

import asyncio
import json
import logging
import select
from collections import deque
from functools import partial
from typing import Any, NoReturn

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.types.json import set_json_dumps

from db_utils.errors import DatabaseUnavailable, StalePlan
from db_utils.failures import translated

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Cursor = psycopg.AsyncCursor[tuple[Any, ...]]

_log = logging.getLogger(__name__)

ACQUIRE_TIMEOUT = 2.0  # seconds to wait for a connection (C12)
_UNREST = 1.0  # seconds without kept plans once one was stale: a migration often changes several tables
_FIRST_RETRY, _LONGEST_RETRY = 0.05, 0.5  # seconds between attempts to connect, doubled each time

# Without \u escapes, so that half of a surrogate pair is refused here and not by the server.
_dump_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


class Pool:
    """At most *size* connections to *url*, opened with the keyword arguments *options* of psycopg."""

    def __init__(self, url: str, size: int, options: dict[str, Any]) -> None:
        self._url, self._size, self._options = url, size, options
        self._made = 0  # connections that exist or are being made
        self._coming = 0  # of these, those being made
        self._idle: list[Connection] = []
        self._trusted: set[Connection] = set()  # of the existing ones, those that are used again
        self._unrest: asyncio.TimerHandle | None = None
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._making: set[asyncio.Task[None]] = set()
        self._away = self._closed = False

    def open(self) -> None:
        """Start connecting; returns at once, also while the server is away."""
        self._grow(1)

    async def close(self) -> None:
        """Close the connections: the idle ones now, those in use when they come back."""
        self._closed = True
        if self._unrest is not None:
            self._unrest.cancel()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(DatabaseUnavailable("the pool is closed"))
        for task in self._making:
            task.cancel()
        await asyncio.gather(*self._making, return_exceptions=True)
        for connection in self._idle:
            connection.pgconn.finish()
        self._idle.clear()

    async def acquire(self) -> Connection:
        """A connection for the caller alone, until `release`. Raises DatabaseUnavailable after two seconds.

        Callers that wait are served in the order in which they asked.
        """
        while self._idle:
            connection = self._idle.pop()
            if _is_quiet(connection):
                return connection
            self._drop(connection)
        if self._closed:
            raise DatabaseUnavailable("the pool is closed")
        return await self._wait()

    def release(self, connection: Connection) -> None:
        """Give *connection* back, to the caller that waits longest if any.

        It is closed if a transaction or a pipeline is still open on it.
        """
        pgconn = connection.pgconn
        if (
            pgconn.transaction_status != TransactionStatus.IDLE
            or pgconn.pipeline_status != PipelineStatus.OFF
            or connection not in self._trusted
            or self._closed
        ):
            self._drop(connection)
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def raise_known(self, error: psycopg.Error | UnicodeEncodeError) -> NoReturn:
        """Raise the DatabaseError that *error* means, or *error* itself when it is a bug of ours.

        To be called for every error of a statement, because a stale plan on one connection makes
        the plans of all others suspect.
        """
        known = translated(error)
        if known is None:
            raise error
        if isinstance(known, StalePlan):
            self._distrust_plans()
        raise known from error

    def _distrust_plans(self) -> None:
        """Stop using the plans that the server keeps, on all connections, after one of them was stale.

        For a second every statement is planned at each run, so that none can be stale again. Then
        the connections are replaced, those in use when they are given back.
        """
        if self._unrest is not None:
            return
        for connection in self._trusted:
            connection.prepare_threshold = None
        if not self._closed:
            _log.info("the tables have changed: their statements are prepared anew")
            self._unrest = asyncio.get_running_loop().call_later(_UNREST, self._renew)

    def _renew(self) -> None:
        self._unrest = None
        self._trusted.clear()
        idle, self._idle = self._idle, []
        for connection in idle:
            self._drop(connection)

    async def _wait(self) -> Connection:
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._grow(len(self._waiting))
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT):
                return await waiter
        except BaseException as error:
            self._withdraw(waiter)
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable("no connection became free") from None
            raise

    def _withdraw(self, waiter: asyncio.Future[Connection]) -> None:
        """Remove *waiter* from the queue; a connection that it was given meanwhile goes to the next one."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif not waiter.cancelled() and waiter.exception() is None:
            self.release(waiter.result())

    def _drop(self, connection: Connection) -> None:
        self._trusted.discard(connection)
        connection.pgconn.finish()
        self._made -= 1
        self._grow(len(self._waiting))

    def _grow(self, wanted: int) -> None:
        """Open one more connection if fewer than *wanted* are being opened and the size allows it."""
        if self._coming < wanted and self._made < self._size and not self._closed:
            self._made += 1
            self._coming += 1
            task = asyncio.get_running_loop().create_task(self._make())
            self._making.add(task)
            task.add_done_callback(self._making.discard)

    async def _make(self) -> None:
        connection, pause = None, _FIRST_RETRY
        try:
            while (connection := await self._connect()) is None and self._waiting:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_RETRY)
        finally:
            self._coming -= 1
            if connection is None:
                self._made -= 1
            else:
                self._trusted.add(connection)
                self.release(connection)

    async def _connect(self) -> Connection | None:
        try:
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **self._options)
        except psycopg.Error as error:
            if not self._away:
                _log.warning("no connection to PostgreSQL: %s", str(error).strip())
            self._away = True
            return None
        if self._away:
            _log.info("PostgreSQL is back")
        self._away = False
        set_json_dumps(_dump_json, connection)
        if self._unrest is not None:
            connection.prepare_threshold = None
        return connection


def _is_quiet(connection: Connection) -> bool:
    """Whether the server has sent nothing on the idle *connection*.

    A server that ends a session, at a restart for instance, announces it there.
    """
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.pgconn.socket, select.POLLIN)
    return not waiting.poll(0)
