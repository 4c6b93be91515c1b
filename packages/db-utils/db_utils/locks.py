"""Advisory locks of PostgreSQL by name: over whole jobs (C18), and within a transaction.

The locks of jobs are held on one session of the process, so that jobs take no connection from the
calls. The server frees them with the session: a process that is killed or cut off holds none.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import String, bindparam, func, select

from db_utils.errors import DatabaseError, DatabaseUnavailable
from db_utils.execution import run
from db_utils.pool import Connection, Pool
from db_utils.shield import Shield
from db_utils.statements import Statement

# The server locks numbers: "<schema>/<name>" is hashed to 64 bits. The schema keeps services apart.
_TRY_LOCK = Statement(b"SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", ())
_UNLOCK = Statement(b"SELECT pg_advisory_unlock(hashtextextended(%s, 0))", ())
_number = func.hashtextextended(func.concat(func.current_schema(), "/", bindparam("name", type_=String)), 0)
TRANSACTION_LOCK = select(func.pg_advisory_xact_lock(_number))
"""Takes the lock *name* until the end of the transaction, waiting for other holders."""


class Locks:
    """The named locks of *schema*, on the one connection of *pool*."""

    def __init__(self, pool: Pool, schema: str, shield: Shield) -> None:
        self._pool, self._schema, self._shield = pool, schema, shield
        self._session: Connection | None = None
        self._connecting = asyncio.Lock()
        self._names: set[str] = set()

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        """See `Database.exclusive`."""
        if name in self._names:
            yield False
            return
        self._names.add(name)
        taking = asyncio.create_task(self._take(name))
        try:
            yield await asyncio.shield(taking) is not None
        except BaseException:
            with suppress(DatabaseError):
                await self._shield.run(self._give_back(name, taking))
            raise
        await self._shield.run(self._give_back(name, taking))

    async def close(self) -> None:
        """End the session, and all locks with it."""
        if self._session is not None:
            self._pool.release(self._session)
        await self._pool.close()

    async def _take(self, name: str) -> Connection | None:
        """The session that holds the lock now; None when another process holds it."""
        session = await self._connected()
        return session if await self._ask(session, _TRY_LOCK, name) else None

    async def _give_back(self, name: str, taking: asyncio.Task[Connection | None]) -> None:
        try:
            session = await taking
            if session is not None and not await self._ask(session, _UNLOCK, name):
                raise DatabaseUnavailable(f"the lock {name!r} was lost")
        finally:
            self._names.discard(name)

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._session is not None and self._session.closed:
                self._pool.release(self._session)
                self._session = None
            if self._session is None:
                self._session = await self._pool.acquire()
            return self._session

    async def _ask(self, session: Connection, question: Statement, name: str) -> bool:
        try:
            cursor = await run(self._pool, session, question, [f"{self._schema}/{name}"])
            row = await cursor.fetchone()
        except DatabaseError:
            session.pgconn.finish()  # whether the lock is held is not known: now it is not
            raise
        return bool(row and row[0])
