"""The only way to write: rows in, one commit, shielded from the caller's cancellation.

Inserts wait until the next read or the commit. A transaction that only inserts is one
statement and one round trip, without BEGIN; otherwise what waits travels with the next
statement, the last writes with the COMMIT. Only `Database.transaction()` makes one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType

import psycopg
from sqlalchemy import String, bindparam, func, select
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.selectable import FromClause

from db_utils import clock, context
from db_utils.changes import changed_columns, update_of, wrong_keys
from db_utils.conflicts import explained
from db_utils.direct import DirectReader
from db_utils.errors import Conflict, DatabaseError, VersionConflict
from db_utils.execution import insert_all, insert_alone, run
from db_utils.failpoints import failpoint
from db_utils.failures import FAILURES
from db_utils.followers import Followers
from db_utils.pool import Connection, Cursor, Pool
from db_utils.reader import Answer, Key, R, Reader
from db_utils.shield import Shield
from db_utils.statements import Statement, Values, delete_one, plan, prepare
from db_utils.tables import DELETED_COLUMN, Row

# The name of the lock is that of `locks.py`: "<schema>/<name>" as 64 bits.
_LOCK = select(
    func.pg_advisory_xact_lock(
        func.hashtextextended(func.concat(func.current_schema(), "/", bindparam("name", type_=String)), 0)
    )
)
_ONE_STATEMENT = 4  # rows; beyond, executemany in a pipeline costs less than a long WITH list


class TransactionOver(RuntimeError):
    """A statement after the end of its transaction: nothing would commit it."""


class SwallowedError(RuntimeError):
    """The error of a statement was caught inside its transaction, which PostgreSQL had given up by then."""


class Transaction(Reader):
    """A unit of work: all of its writes or none.

    Errors of an insert surface at the next read, at `flush` or at the commit, and end the
    transaction: leave it with them.
    """

    def __init__(self, pool: Pool, shield: Shield, followers: Followers) -> None:
        self._pool, self._shield, self._followers = pool, shield, followers
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._pending: list[Row] = []
        self._optional: list[Row] = []
        self._last: list[Row] = []
        self._sent: list[Row] = []
        self._written: set[FromClause] = set()
        self._over = False

    async def __aenter__(self) -> Transaction:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shield.run(self._end(error))

    async def insert(self, row: R, *, if_absent: bool = False) -> R:
        """Write *row*; it is complete at once (id, defaults), in the table at commit at the latest.

        With *if_absent* it stays out when a unique constraint finds its place taken; who must
        know asks `insert_if_absent`. Raises TextTooLong, UnknownChoice, OrganisationRequired
        now; Conflict and ReferenceViolation when it is sent.
        """
        self._add(self._optional if if_absent else self._pending, row)
        return row

    async def insert_if_absent(self, row: Row) -> bool:
        """Write *row* now, unless a unique constraint finds its place taken; whether it was written.

        Waits for another transaction that is taking the place. Raises as `insert`, but not Conflict.
        """
        table = plan(type(row))
        table.check_new(row)
        return bool(await self._count(table.insert_if_absent, table.insert.values(row.__dict__)))

    def insert_at_commit(self, row: Row) -> None:
        """Write *row* with the commit, after everything else of this transaction."""
        self._add(self._last, row)

    async def get(self, model: type[R], key: Key, *, lock: bool = False) -> R | None:
        """As `Reader.get`; with *lock* other writers of the row wait until this one ends."""
        return await self._get(model, key, lock)

    async def update(self, row: R, *, expected: int | None = None, **changes: object) -> R:
        """Change the columns *changes* of *row* and return it; no change, no new version.

        Raises VersionConflict when *expected* is not the row's version, or when another
        writer came between; TextTooLong, UnknownChoice, Conflict, ReferenceViolation.
        """
        table, attributes = plan(type(row)), row.__dict__
        if expected is not None and expected != attributes["version"]:
            raise VersionConflict(table.table.name)
        changed = changed_columns(table, row, changes)
        if changed:
            self._sent.append(table.row([changed.get(name, attributes[name]) for name in table.names]))
            if not await self._count(*update_of(table, row, changed)):
                raise VersionConflict(table.table.name)
            attributes.update(changed)
        return row

    async def rekey(self, row: Row) -> bool:
        """Write the keys of *row* that are not those of its texts and nothing else; whether any was written.

        A row that another writer changes meanwhile stays as that writer leaves it. Raises Conflict.
        """
        table = plan(type(row))
        wrong = wrong_keys(table, row)
        return bool(wrong) and bool(await self._count(*update_of(table, row, wrong)))

    async def delete(self, row: Row) -> None:
        """Remove *row*, or hide it for ever when its table keeps deleted rows."""
        table = plan(type(row))
        if table.soft:
            await self.update(row, expected=None, **{DELETED_COLUMN: clock.now()})
            return
        statement = delete_one(table)
        await self._count(statement, statement.values(row.__dict__))

    async def execute(self, statement: ClauseElement, **named: object) -> int:
        """Run an UPDATE or DELETE of the current scope; the number of rows touched."""
        prepared = prepare(statement, named, context.scope.get())
        return 0 if prepared is None else await self._count(*prepared)

    async def lock(self, *name: str) -> None:
        """Wait for other transactions that hold the lock *name* in this schema; hold it to the end of this.

        For what must not happen twice at once although no row stands for it. Nothing is stored.
        """
        await self.one(_LOCK, name="/".join(name))

    async def flush(self) -> None:
        """Send the inserts that wait, so that their errors surface here."""
        async with self._turn:
            if self._pending or self._optional:
                async with self._batch():
                    pass

    @asynccontextmanager
    async def part(self) -> AsyncIterator[Transaction]:
        """What `Database.transaction` is inside a held one: a part that fails, if it does, alone."""
        await self._say(b"SAVEPOINT part")
        sent, last = len(self._sent), len(self._last)
        try:
            yield self
            await self._say(b"RELEASE part")
        except Exception as error:
            failed = self._sent[sent:]
            del self._sent[sent:], self._last[last:]
            self._pending, self._optional = [], []
            await self._undo_part()
            if isinstance(error, Conflict):
                await explained(error, failed, self)
            raise

    async def _undo_part(self) -> None:
        """Go back to the start of the part, in a round trip of its own.

        With a ROLLBACK psycopg (3.3) drops its prepared statements, but in a pipeline it tells
        the server only after the next statement was prepared, which is lost then.
        """
        async with self._turn:
            assert self._connection is not None
            try:
                await self._connection.execute(b"ROLLBACK TO part")
            except FAILURES as error:
                self._pool.raise_known(error)

    def _add(self, rows: list[Row], row: Row) -> None:
        if self._over:
            raise TransactionOver
        plan(type(row)).check_new(row)
        rows.append(row)

    async def _run(self, statement: Statement, values: Values) -> Answer:
        return await (await self._cursor(statement, values)).fetchall()

    async def _count(self, statement: Statement, values: Values) -> int:
        return (await self._cursor(statement, values)).rowcount

    async def _cursor(self, statement: Statement, values: Values) -> Cursor:
        async with self._turn:
            if self._connection is None or self._pending or self._optional:
                async with self._batch() as connection:
                    cursor = await run(self._pool, connection, statement, values)
            else:
                cursor = await run(self._pool, self._connection, statement, values)
        if statement.target is not None and cursor.rowcount:
            self._written.add(statement.target)
        return cursor

    async def _say(self, command: bytes) -> str | None:
        async with self._turn, self._batch() as connection:
            answer = await connection.execute(command)
        return answer.statusmessage

    @asynccontextmanager
    async def _batch(self) -> AsyncIterator[Connection]:
        """One round trip: BEGIN if nothing was sent yet, the inserts that wait, what is sent inside."""
        if self._over:
            raise TransactionOver
        begun = self._connection is not None
        if self._connection is None:
            self._connection = await self._pool.acquire()
        rows, self._pending = self._pending, []
        optional, self._optional = self._optional, []
        self._sent += rows + optional
        try:
            async with self._connection.pipeline() as pipeline:
                try:
                    if not begun:
                        await self._connection.execute(b"BEGIN")
                    if rows:
                        await insert_all(self._connection, rows)
                    if optional:
                        await insert_all(self._connection, optional, if_absent=True)
                    yield self._connection
                except (psycopg.Error, DatabaseError):
                    with suppress(psycopg.Error):  # or leaving the pipeline logs what else was aborted
                        await pipeline.sync()
                    raise
        except FAILURES as error:
            self._pool.raise_known(error)

    async def _end(self, error: BaseException | None) -> None:
        try:
            if error is None:
                await self._commit()
            else:
                await self._rollback()
        except Conflict as conflict:
            error = conflict
            raise
        finally:
            self._over = True
            if self._connection is not None:
                self._pool.release(self._connection)
                self._connection = None
            if isinstance(error, Conflict):
                await explained(error, self._sent, DirectReader(self._pool))

    async def _commit(self) -> None:
        failpoint("transaction.before_commit")
        rows = self._pending + self._last
        if self._connection is None and not self._optional and len(rows) <= _ONE_STATEMENT:
            self._sent = rows
            if rows:
                await insert_alone(self._pool, rows)
        else:
            await self._commit_pipelined()
        failpoint("transaction.after_commit")
        self._followers.tell(self._written, self._sent)

    async def _commit_pipelined(self) -> None:
        try:
            async with self._batch() as connection:
                if self._last:
                    self._sent += self._last
                    await insert_all(connection, self._last)
                committed = await connection.execute(b"COMMIT")
        except BaseException:
            await self._rollback()
            raise
        if committed.statusmessage != "COMMIT":
            raise SwallowedError

    async def _rollback(self) -> None:
        """Undo; a connection that cannot even do that is closed, which undoes as well."""
        if self._connection is None:
            return
        try:
            await self._connection.rollback()
        except psycopg.Error:
            await self._connection.close()
