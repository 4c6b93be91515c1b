"""A service's access to PostgreSQL: one schema, one role, a bounded pool of connections.

Read `transaction.py` for writing and `reader.py` for reading. Connections start as the
service's role with its schema as the whole search path, so that the server refuses a read
across schemas.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from db_utils.direct import DirectReader
from db_utils.errors import DatabaseUnavailable
from db_utils.execution import run_alone
from db_utils.failures import FAILURES
from db_utils.followers import Followers
from db_utils.locks import Locks
from db_utils.pool import Connection, Cursor, Pool
from db_utils.reader import R, Reader
from db_utils.shield import Shield
from db_utils.statements import Statement
from db_utils.tables import Row
from db_utils.transaction import Transaction

_STATEMENT_TIMEOUT = 5  # seconds (C12)
_PING_TIMEOUT = 3.0  # seconds, longer than the wait for a connection
_PING = Statement(b"SELECT 1", (), keyed=True)

# Set while an idempotent call holds its commit back; see `Database.held`.
_holding: ContextVar["_Holding | None"] = ContextVar("held_transaction", default=None)


# How soon a peer is given up that vanished without a word (libpq; ignored on UNIX sockets).
_DEAD_PEER = {
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}


def once_committed(callback: Callable[[], None]) -> None:
    """Call *callback* when all that this task has written so far is committed.

    That is now, unless `Database.held` holds the commit back: then it is called after that commit,
    and never when the held transaction is undone.
    """
    holding = _holding.get()
    if holding is not None and holding.is_current():
        holding.waiting.append(callback)
    else:
        callback()


def role_of(schema: str) -> str:
    """The PostgreSQL role under which the service of *schema* works."""
    return f"crm_{schema}"


def session_options(schema: str) -> str:
    """Libpq options of a service's session: its role, its schema, its limits."""
    settings = {
        "role": role_of(schema),
        "search_path": schema,
        "statement_timeout": f"{_STATEMENT_TIMEOUT}s",
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "UTC",
        # Statements are short and many: an index is read from memory, and one process does it.
        "random_page_cost": "1.1",
        "max_parallel_workers_per_gather": "0",
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


class Database:
    """The schema of one service.

    *url* is a libpq connection string whose user may take the service's role. *pool_size* bounds
    the connections of this process; one more holds its locks, and each `session` has its own.
    """

    def __init__(self, url: str, schema: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.schema = schema
        self._options: dict[str, Any] = {
            "prepare_threshold": 0,
            "options": session_options(schema),
            "application_name": f"crm-{schema}",
            "connect_timeout": 5,
            **_DEAD_PEER,
        }
        self._pool = Pool(url, pool_size, self._options)
        self._shield, self._followers = Shield(), Followers()
        self._reader = DirectReader(self._pool)
        self._locks = Locks(Pool(url, 1, self._options), schema, self._shield)
        self._ping: asyncio.Task[Cursor] | None = None

    async def open(self) -> None:
        """Start connecting; returns at once, also while the server is away."""
        self._pool.open()

    async def close(self) -> None:
        """Wait for running commits, then close the connections."""
        await self._shield.wait()
        if self._ping is not None:
            self._ping.cancel()
        await self._locks.close()
        await self._pool.close()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A unit of work for `async with`: commits at the end of the block, or rolls back on an error."""
        holding = _holding.get()
        if holding is not None and holding.is_of(self):
            return holding.tx.part()
        return Transaction(self._pool, self._shield, self._followers)

    def read(self) -> Reader:
        """Single statements without a transaction, each on a connection of its own."""
        holding = _holding.get()
        return holding.tx if holding is not None and holding.is_of(self) else self._reader

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Transaction]:
        """One transaction that every `transaction()` of this task inside joins; it commits at the end.

        For callers that must add a row which depends on what the inner code answered. An
        inner transaction that fails is undone alone; the held one goes on if the error is caught.
        Callbacks of `once_committed` follow the commit.
        """
        async with Transaction(self._pool, self._shield, self._followers) as tx:
            holding = _Holding(self, asyncio.current_task(), tx)
            token = _holding.set(holding)
            try:
                yield tx
            finally:
                _holding.reset(token)
        for callback in holding.waiting:
            callback()

    def exclusive(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Whether this is the only holder of the lock *name* in this schema, while inside.

        Raises DatabaseUnavailable at the end if the lock was lost meanwhile.
        """
        return self._locks.exclusive(name)

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises DatabaseUnavailable after three seconds of silence."""
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(run_alone(self._pool, _PING, []))
            self._ping.add_done_callback(_heard)
        answered, _ = await asyncio.wait((self._ping,), timeout=_PING_TIMEOUT)
        if not answered:
            raise DatabaseUnavailable("the server is silent")
        self._ping.result()

    def on_written(self, model: type[Row], callback: Callable[[], None]) -> None:
        """Call *callback* after each commit with inserts into *model*, even if their place was taken."""
        self._followers.on_written(model, callback)

    def on_changed(self, model: type[R], callback: Callable[[R], None]) -> None:
        """Call *callback* after each commit with the rows of *model* that it inserted, changed or hid.

        For caches. Rows that an UPDATE or DELETE statement changes unread are not reported.
        """
        self._followers.on_changed(model, callback)

    async def shielded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* to its end even if the caller is cancelled meanwhile; `close` waits for it."""
        await self._shield.run(work)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """A connection beside the pool, closed at the end: for session state such as LISTEN.

        Errors of psycopg inside leave as the DatabaseError that they mean, if they mean one.
        """
        pool = Pool(self.url, 1, self._options)
        try:
            connection = await pool.acquire()
            try:
                yield connection
            except FAILURES as error:
                pool.raise_known(error)
            finally:
                pool.release(connection)
        finally:
            await pool.close()


@dataclass(frozen=True, slots=True)
class _Holding:
    """The transaction *tx* that *task* holds on *database*."""

    database: Database
    task: asyncio.Task[Any] | None
    tx: Transaction
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def is_of(self, database: Database) -> bool:
        """Whether *database* is asked by the task that holds. Tasks that it starts do not join."""
        return self.database is database and self.is_current()

    def is_current(self) -> bool:
        """Whether the running task is the one that holds."""
        return self.task is asyncio.current_task()


def _heard(ping: asyncio.Task[Cursor]) -> None:
    """Retrieve the failure of a ping, in case nobody waits for it any more."""
    if not ping.cancelled():
        ping.exception()
