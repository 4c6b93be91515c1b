"""A service's door to PostgreSQL: one schema, one role, a small pool of connections.

Read `transaction.py` for writing and `reader.py` for reading. Connections start as the
service's role with its schema as the whole search path, so a read across schemas is
refused by the server.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from db_utils.errors import DatabaseError, DatabaseUnavailable
from db_utils.execution import Connection, run
from db_utils.failures import translated
from db_utils.pool import Pool
from db_utils.reader import Answer, Reader
from db_utils.statements import Statement, Values
from db_utils.tables import Row
from db_utils.transaction import Joined, Transaction

_log = logging.getLogger(__name__)
_STATEMENT_TIMEOUT = 5  # seconds (C12)
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
_PING = Statement(b"SELECT 1", (), keyed=True)

# Set while an idempotent call holds its commit back; see `Database.held`.
_held: ContextVar[Transaction | None] = ContextVar("held_transaction", default=None)


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
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


class Database:
    """The schema of one service.

    *url* is a libpq connection string whose user may take the service's role; *pool_size*
    bounds the connections of this process.
    """

    def __init__(self, url: str, schema: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.schema = schema
        self._pool = Pool(
            url,
            pool_size,
            {
                "prepare_threshold": 0,
                "options": session_options(schema),
                "application_name": f"crm-{schema}",
                "connect_timeout": 5,
            },
        )
        self._unfinished: set[asyncio.Task[None]] = set()
        self._observers: dict[type[Row], list[Callable[[], None]]] = {}

    async def open(self) -> None:
        """Start connecting; returns at once, also while the server is away."""
        await self._pool.open()

    async def close(self) -> None:
        """Let running commits end, then close the connections."""
        if self._unfinished:
            await asyncio.wait(self._unfinished)
        await self._pool.close()

    def transaction(self) -> Transaction | Joined:
        """A unit of work, to be used with `async with`: commits at its end, or rolls back."""
        held = _held.get()
        return Transaction(self) if held is None else Joined(held)

    def read(self) -> Reader:
        """Single statements without a transaction, each on a connection of its own."""
        held = _held.get()
        return _Direct(self) if held is None else held

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Transaction]:
        """One transaction that every `transaction()` inside joins; it commits at the end.

        For callers that must add a row which depends on what the inner code answered. An
        inner transaction that fails is undone alone; the held one goes on if the error is caught.
        """
        async with Transaction(self) as tx:
            token = _held.set(tx)
            try:
                yield tx
            finally:
                _held.reset(token)

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        """Whether this is the only holder of the lock *name* in this schema, while inside."""
        connection = await self.acquire()
        try:
            with translated():
                cursor = await connection.execute(_TRY_LOCK, (f"{self.schema}/{name}",))
                row = await cursor.fetchone()
            held = bool(row and row[0])
            yield held
            if held:
                with translated():
                    await connection.execute(_UNLOCK, (f"{self.schema}/{name}",))
        except BaseException:
            await connection.close()  # the lock ends with its session
            raise
        finally:
            await self.release(connection)

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises DatabaseUnavailable."""
        await self.answer(_PING, [])

    def on_written(self, model: type[Row], callback: Callable[[], None]) -> None:
        """Call *callback* after each commit that wrote rows of *model*, or would have if absent."""
        self._observers.setdefault(model, []).append(callback)

    async def acquire(self) -> Connection:
        """A connection of the pool, to be given back with `release`. Raises DatabaseUnavailable."""
        return await self._pool.acquire()

    async def release(self, connection: Connection) -> None:
        """Give *connection* back."""
        await self._pool.release(connection)

    async def answer(self, statement: Statement, values: Values) -> Answer:
        """Run one reading statement; once more when the connection had died in the pool."""
        try:
            return await self._answer_once(statement, values)
        except DatabaseUnavailable:
            return await self._answer_once(statement, values)

    async def _answer_once(self, statement: Statement, values: Values) -> Answer:
        connection = await self.acquire()
        try:
            with translated():
                return await (await run(connection, statement, values)).fetchall()
        finally:
            await self.release(connection)

    async def shielded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* to its end even if the caller is cancelled meanwhile."""
        await asyncio.shield(self._background(work))

    def _background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, DatabaseError):
            _log.error("a commit failed unexpectedly", exc_info=error)

    def written(self, rows: Iterable[Row]) -> None:
        """Tell the observers of the tables of *rows* that a commit has written them."""
        if self._observers:
            for model in {type(row) for row in rows}:
                for callback in self._observers.get(model, ()):
                    callback()


class _Direct(Reader):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def _run(self, statement: Statement, values: Values) -> Answer:
        return await self._database.answer(statement, values)
