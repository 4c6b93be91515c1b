"""Transactions, the only way to write: one commit, which the caller's cancellation does not interrupt.

Inserts are collected and sent with the next statement or the commit, in one round trip. A
transaction that only inserts is one statement without BEGIN. Only `Database` makes transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType

import psycopg
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.selectable import FromClause

from db_utils import clock, context
from db_utils.changes import changed_columns, update_of, wrong_keys
from db_utils.conflicts import find_existing
from db_utils.direct import DirectReader
from db_utils.errors import (
    Conflict,
    DatabaseError,
    ReferenceViolation,
    StillReferenced,
    SwallowedError,
    TransactionOver,
    VersionConflict,
)
from db_utils.execution import insert_all, insert_alone, run
from db_utils.failpoints import failpoint
from db_utils.failures import FAILURES
from db_utils.followers import Followers
from db_utils.locks import TRANSACTION_LOCK
from db_utils.pool import Connection, Cursor, Pool
from db_utils.reader import Answer, Key, R, Reader
from db_utils.shield import Shield
from db_utils.statements import Statement, Values, delete_one, prepare, table_plan
from db_utils.tables import DELETED_COLUMN, Row

_ONE_STATEMENT = 4  # rows; for more, executemany in a pipeline costs less than a long WITH list


class Transaction(Reader):
    """A unit of work: all of its writes are committed, or none.

    The error of an insert is raised by the next statement, by `flush` or by the commit. An error
    of the database ends the transaction: let it leave the block.
    """

    def __init__(self, pool: Pool, shield: Shield, followers: Followers) -> None:
        self._pool, self._shield, self._followers = pool, shield, followers
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()  # a handler may run several statements at once: one after the other
        self._pending: list[Row] = []  # collected inserts
        self._optional: list[Row] = []  # collected inserts that a unique constraint may leave out
        self._last: list[Row] = []  # inserts for the commit
        self._sent: list[Row] = []
        self._written: set[FromClause] = set()  # tables that statements have changed
        self._over = False

    async def __aenter__(self) -> Transaction:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shield.run(self._end(error))

    async def insert(self, row: R, *, if_absent: bool = False) -> R:
        """Insert *row* and return it, complete with id and defaults; it is sent at the commit at the latest.

        With *if_absent*, a row that violates a unique constraint is left out without an error; use
        `insert_if_absent` to learn whether it was. Raises TextTooLong, UnknownChoice and
        OrganisationRequired now, Conflict and ReferenceViolation when the row is sent.
        """
        self._add(self._optional if if_absent else self._pending, row)
        return row

    async def insert_if_absent(self, row: Row) -> bool:
        """Insert *row* now unless it violates a unique constraint; return whether it was inserted.

        Waits for the end of another transaction that is inserting the same key. Raises like
        `insert`, except Conflict.
        """
        table = table_plan(type(row))
        table.check_new(row, context.scope.get())
        return bool(await self._count(table.insert_if_absent, table.insert.values(row.__dict__)))

    def insert_at_commit(self, row: Row) -> None:
        """Insert *row* after all other statements of this transaction, in the round trip of the commit."""
        self._add(self._last, row)

    async def get(self, model: type[R], key: Key, *, lock: bool = False) -> R | None:
        """Like `Reader.get`; with *lock*, other writers of the row wait until this transaction ends."""
        return await self._get(model, key, lock)

    async def update(self, row: R, *, expected: int | None = None, **changes: object) -> R:
        """Write *changes*, new values by column, to *row* and return it, with its next version.

        Values that *row* has already are no change; without any change nothing is sent and the
        version stays. Raises VersionConflict when *expected* is not the version of *row*, and when
        another writer has changed the row since it was read; TextTooLong, UnknownChoice, Conflict,
        ReferenceViolation.
        """
        table, attributes = table_plan(type(row)), row.__dict__
        table.need(context.scope.get())
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
        """Write those text keys of *row* that do not match its texts; return whether any was written.

        Nothing else changes, the version neither. A row that another writer changes meanwhile
        stays as that writer leaves it. Raises Conflict.
        """
        table = table_plan(type(row))
        wrong = wrong_keys(table, row)
        return bool(wrong) and bool(await self._count(*update_of(table, row, wrong)))

    async def delete(self, row: Row) -> None:
        """Delete *row*; a table with SoftDelete keeps it, hidden from every read.

        The foreign keys decide, so that no reference slips in between a look and the deletion. Raises
        StillReferenced, and VersionConflict where the row is kept.
        """
        table = table_plan(type(row))
        table.need(context.scope.get())
        if table.soft:
            await self.update(row, expected=None, **{DELETED_COLUMN: clock.now()})
            return
        await self.flush()  # otherwise a reference that an insert lacks would be taken for one to this row
        statement = delete_one(table)
        try:
            await self._count(statement, statement.values(row.__dict__))
        except ReferenceViolation as error:
            raise StillReferenced(error.constraint) from error

    async def execute(self, statement: ClauseElement, **named: object) -> int:
        """Run an UPDATE, DELETE or INSERT and return the number of rows it wrote.

        UPDATE and DELETE touch visible rows only; an INSERT must name its organisation itself.
        """
        prepared = prepare(statement, named, context.scope.get())
        return 0 if prepared is None else await self._count(*prepared)

    async def lock(self, *name: str) -> None:
        """Take the lock *name* of this schema until the end of this transaction, waiting for other holders.

        For decisions that two transactions must not make at once and for which no row can be locked.
        """
        await self.one(TRANSACTION_LOCK, name="/".join(name))

    async def flush(self) -> None:
        """Send the collected inserts now, so that their errors are raised here."""
        async with self._turn:
            if self._pending or self._optional:
                async with self._batch():
                    pass

    @asynccontextmanager
    async def part(self) -> AsyncIterator[Transaction]:
        """A part of this transaction that is undone alone when it fails (a savepoint).

        `Database.transaction` gives it inside `Database.held`.
        """
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
                await find_existing(error, failed, self)
            raise

    async def _undo_part(self) -> None:
        """Return to the start of the part, in a round trip of its own.

        After a ROLLBACK psycopg (3.3) drops its prepared statements. In a pipeline it tells the
        server so only after the next statement was prepared, which would be dropped too.
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
        table_plan(type(row)).check_new(row, context.scope.get())
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
        """One round trip: BEGIN if nothing was sent yet, the collected inserts, what the block sends."""
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
                    with suppress(psycopg.Error):  # or leaving the pipeline logs each statement it aborted
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
                await find_existing(error, self._sent, DirectReader(self._pool))

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
        """Roll back; a connection that cannot is closed, which makes the server roll back."""
        if self._connection is None:
            return
        try:
            await self._connection.rollback()
        except psycopg.Error:
            await self._connection.close()
