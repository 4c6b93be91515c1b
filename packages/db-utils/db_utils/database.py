"""A service's door to PostgreSQL: one schema, one role, a small pool of connections.

Read `transaction.py` for writing and `reader.py` for reading. Connections start as the
service's role with its schema as the whole search path, so a read across schemas is
refused by the server.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy.sql.selectable import FromClause

from db_utils.errors import DatabaseError, DatabaseUnavailable, StalePlan
from db_utils.execution import Connection, run
from db_utils.failures import Translated, translated
from db_utils.locks import Locks
from db_utils.pool import Pool
from db_utils.reader import Answer, R, Reader
from db_utils.statements import Statement, Values
from db_utils.tables import Row
from db_utils.transaction import Transaction

_log = logging.getLogger(__name__)
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

    *url* is a libpq connection string whose user may take the service's role; *pool_size*
    bounds the connections of this process, but for one more that holds its locks, and each `session`.
    """

    def __init__(self, url: str, schema: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.schema = schema
        options = {
            "prepare_threshold": 0,
            "options": session_options(schema),
            "application_name": f"crm-{schema}",
            "connect_timeout": 5,
            **_DEAD_PEER,
        }
        self._options = options
        self._pool = Pool(url, pool_size, options)
        self.translated = Translated(stale=self._pool.distrust_plans)
        self._locks = Locks(Pool(url, 1, options), schema, self.shielded)
        self._ping: asyncio.Task[Answer] | None = None
        self._unfinished: set[asyncio.Task[None]] = set()
        self._observers: dict[FromClause, list[Callable[[], None]]] = {}
        self._followers: dict[type[Row], list[Callable[[Any], None]]] = {}

    async def open(self) -> None:
        """Start connecting; returns at once, also while the server is away."""
        self._pool.open()

    async def close(self) -> None:
        """Let running commits end, then close the connections."""
        while self._unfinished:
            await asyncio.wait(self._unfinished)
        if self._ping is not None:
            self._ping.cancel()
        await self._locks.close()
        await self._pool.close()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A unit of work, to be used with `async with`: commits at its end, or rolls back."""
        held = self._held()
        return Transaction(self) if held is None else held.part()

    def read(self) -> Reader:
        """Single statements without a transaction, each on a connection of its own."""
        return self._held() or _Direct(self)

    def _held(self) -> Transaction | None:
        """The transaction to join: that of this task. What a call leaves running has its own."""
        holding = _holding.get()
        if holding is None or holding.database is not self or holding.task is not asyncio.current_task():
            return None
        return holding.tx

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Transaction]:
        """One transaction that every `transaction()` of this task inside joins; it commits at the end.

        For callers that must add a row which depends on what the inner code answered. An
        inner transaction that fails is undone alone; the held one goes on if the error is caught.
        """
        async with Transaction(self) as tx:
            token = _holding.set(_Holding(self, asyncio.current_task(), tx))
            try:
                yield tx
            finally:
                _holding.reset(token)

    def exclusive(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Whether this is the only holder of the lock *name* in this schema, while inside.

        Raises DatabaseUnavailable at the end if the lock was lost meanwhile.
        """
        return self._locks.exclusive(name)

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises DatabaseUnavailable after three seconds of silence."""
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self.answer(_PING, []))
            self._ping.add_done_callback(_heard)
        answered, _ = await asyncio.wait((self._ping,), timeout=_PING_TIMEOUT)
        if not answered:
            raise DatabaseUnavailable("the server is silent")
        self._ping.result()

    def on_written(self, model: type[Row], callback: Callable[[], None]) -> None:
        """Call *callback* after each commit that wrote rows of *model*, or would have if absent."""
        self._observers.setdefault(model.__table__, []).append(callback)

    def on_changed(self, model: type[R], callback: Callable[[R], None]) -> None:
        """Call *callback* after each commit with the rows of *model* that it inserted, changed or hid.

        For caches. Statements that change rows without having read them do not tell which.
        """
        self._followers.setdefault(model, []).append(callback)

    async def acquire(self) -> Connection:
        """A connection of the pool, to be given back with `release`. Raises DatabaseUnavailable."""
        return await self._pool.acquire()

    def release(self, connection: Connection) -> None:
        """Give *connection* back."""
        self._pool.release(connection)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """A connection beside those of the pool, closed at the end: for what a session remembers, as LISTEN.

        What psycopg raises inside leaves as a DatabaseError where it means one.
        """
        pool = Pool(self.url, 1, self._options)
        try:
            connection = await pool.acquire()
            try:
                with translated():
                    yield connection
            finally:
                pool.release(connection)
        finally:
            await pool.close()

    async def answer(self, statement: Statement, values: Values) -> Answer:
        """Run one statement that only reads; when its kept plan was stale, once more with a new one."""
        if statement.target is not None:
            raise TypeError(f"write to {statement.target} in a transaction")
        connection = await self.acquire()
        try:
            with self.translated:
                return await (await run(connection, statement, values)).fetchall()
        except StalePlan:
            with self.translated:
                return await (await run(connection, statement, values)).fetchall()
        finally:
            self.release(connection)

    async def shielded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* to its end even if the caller is cancelled meanwhile."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_report)
            raise

    def written(self, tables: Iterable[FromClause], rows: Iterable[Row]) -> None:
        """Tell the observers of *tables* and the followers of *rows* that a commit has written them."""
        if self._observers:
            for table in tables:
                for callback in self._observers.get(table, ()):
                    callback()
        if self._followers:
            for row in rows:
                for follow in self._followers.get(type(row), ()):
                    follow(row)


def _report(task: asyncio.Task[None]) -> None:
    """Log the bug that ended *task*, for which nobody waits any more."""
    if not task.cancelled() and (error := task.exception()) and not isinstance(error, DatabaseError):
        _log.error("a commit failed unexpectedly", exc_info=error)


@dataclass(frozen=True, slots=True)
class _Holding:
    """The transaction *tx* that *task* holds on *database*."""

    database: Database
    task: asyncio.Task[Any] | None
    tx: Transaction


class _Direct(Reader):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def _run(self, statement: Statement, values: Values) -> Answer:
        return await self._database.answer(statement, values)


def _heard(ping: asyncio.Task[Answer]) -> None:
    """Take the failure from a ping: whoever waited for it may have given up."""
    if not ping.cancelled():
        ping.exception()
