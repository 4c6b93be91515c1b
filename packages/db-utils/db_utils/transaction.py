"""The only way to write: rows in, one commit, shielded from the caller's cancellation.

Inserts wait until the next read or the commit. A transaction that only inserts is one
statement and one round trip, without BEGIN; otherwise the last writes travel with the
COMMIT in one pipeline. Only `Database.transaction()` makes one.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.sql import ClauseElement

from db_utils import clock, context
from db_utils.conflicts import occupant
from db_utils.errors import Conflict, DatabaseError, VersionConflict
from db_utils.execution import Connection, run
from db_utils.failpoints import failpoint
from db_utils.failures import translated
from db_utils.reader import Answer, Key, R, Reader
from db_utils.statements import (
    Statement,
    TablePlan,
    Values,
    delete_one,
    insert_together,
    plan,
    prepare,
    update_one,
)
from db_utils.tables import DELETED_COLUMN, Row

if TYPE_CHECKING:
    from db_utils.database import Database

_ONE_STATEMENT = 4  # rows; beyond, executemany in a pipeline costs less than a long WITH list


class Transaction(Reader):
    """A unit of work: all of its writes or none.

    Errors of an insert surface at the next read, at `flush` or at the commit.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._pending: list[Row] = []
        self._optional: list[Row] = []
        self._last: list[Row] = []
        self._sent: list[Row] = []

    async def __aenter__(self) -> Transaction:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.shielded(self._end(error))

    async def insert(self, row: R, *, if_absent: bool = False) -> R:
        """Write *row*; it is complete at once (id, defaults), in the table at commit at the latest.

        With *if_absent* it stays out when a unique constraint finds its place taken; who must
        know asks `insert_if_absent`. Raises TextTooLong, UnknownChoice, OrganisationRequired
        now; Conflict and ReferenceViolation when it is sent.
        """
        plan(type(row)).check_new(row)
        (self._optional if if_absent else self._pending).append(row)
        return row

    async def insert_if_absent(self, row: Row) -> bool:
        """Write *row* now, unless a unique constraint finds its place taken; whether it was written.

        Waits for another transaction that is taking the place. Raises as `insert`, but not Conflict.
        """
        table = plan(type(row))
        table.check_new(row)
        written = bool(await self._count(table.insert_if_absent, table.values(row)))
        if written:
            self._sent.append(row)
        return written

    def insert_at_commit(self, row: Row) -> None:
        """Write *row* with the commit, after everything else of this transaction."""
        plan(type(row)).check_new(row)
        self._last.append(row)

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
        changed = {key: value for key, value in changes.items() if attributes[key] != value}
        if not changed:
            return row
        table.check(changed)
        if table.versioned:
            changed |= {"version": attributes["version"] + 1, "updated_at": clock.now()}
        statement = update_one(table, tuple(changed))
        named = {**attributes, **{f"new_{key}": value for key, value in changed.items()}}
        self._sent.append(table.row([changed.get(key, attributes[key]) for key in table.names]))
        if not await self._count(statement, statement.values(named, ())):
            raise VersionConflict(table.table.name)
        attributes.update(changed)
        return row

    async def delete(self, row: Row) -> None:
        """Remove *row*, or hide it for ever when its table keeps deleted rows."""
        table = plan(type(row))
        if table.soft:
            await self.update(row, expected=None, **{DELETED_COLUMN: clock.now()})
            return
        statement = delete_one(table)
        await self._count(statement, statement.values(row.__dict__, ()))

    async def execute(self, statement: ClauseElement, **named: object) -> int:
        """Run an UPDATE or DELETE of the current scope; the number of rows touched."""
        current = context.scope.get()
        if not current.everything and current.organisation_id is None:
            return 0
        prepared, values = prepare(statement, named, current.organisation_id)
        return await self._count(prepared, values)

    async def flush(self) -> None:
        """Send the inserts that wait, so that their errors surface here."""
        if not self._pending and not self._optional:
            return
        connection = await self._begun()
        with translated():
            await self._send(connection)

    async def _run(self, statement: Statement, values: Values) -> Answer:
        return await (await self._cursor(statement, values)).fetchall()

    async def _count(self, statement: Statement, values: Values) -> int:
        return (await self._cursor(statement, values)).rowcount

    async def _cursor(self, statement: Statement, values: Values) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        await self.flush()
        if self._connection is not None:
            with translated():
                return await run(self._connection, statement, values)
        self._connection = await self._database.acquire()
        with translated():
            async with self._connection.pipeline():
                await self._connection.execute(b"BEGIN")
                return await run(self._connection, statement, values)

    async def _send(self, connection: Connection) -> None:
        rows, self._pending = self._pending, []
        optional, self._optional = self._optional, []
        self._sent += rows + optional
        await _insert(connection, rows)
        await _insert(connection, optional, if_absent=True)

    async def _begun(self) -> Connection:
        if self._connection is None:
            self._connection = await self._database.acquire()
            with translated():
                await self._connection.execute(b"BEGIN")
        return self._connection

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
            if self._connection is not None:
                await self._database.release(self._connection)
                self._connection = None
            if isinstance(error, Conflict) and error.existing_id is None:
                error.existing_id = await occupant(self._database.read(), self._sent, error.constraint)

    async def _commit(self) -> None:
        rows = self._pending + self._last
        failpoint("transaction.before_commit")
        if self._connection is None and not self._optional and len(rows) <= _ONE_STATEMENT:
            await self._commit_together(rows)
        else:
            await self._commit_pipelined()
        failpoint("transaction.after_commit")
        self._database.written(self._sent)

    async def _commit_together(self, rows: list[Row]) -> None:
        if not rows:
            return
        self._sent += rows
        plans = tuple(plan(type(row)) for row in rows)
        values = [value for table, row in zip(plans, rows, strict=True) for value in table.values(row)]
        self._connection = await self._database.acquire()
        with translated():
            await self._connection.execute(insert_together(plans), values, prepare=True)

    async def _commit_pipelined(self) -> None:
        connection = await self._begun()
        try:
            with translated():
                async with connection.pipeline():
                    await self._send(connection)
                    self._sent += self._last
                    await _insert(connection, self._last)
                    await connection.execute(b"COMMIT")
        except BaseException:
            await self._rollback()
            raise

    async def _rollback(self) -> None:
        """Undo; a connection that cannot even do that is closed, which undoes as well."""
        if self._connection is None:
            return
        try:
            await self._connection.rollback()
        except psycopg.Error:
            await self._connection.close()


class Joined:
    """Stands for a transaction inside a held one: the holder commits, this part can fail alone."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._sent = self._last = 0

    async def __aenter__(self) -> Transaction:
        await self._execute(b"SAVEPOINT joined")
        self._sent, self._last = len(self._tx._sent), len(self._tx._last)
        return self._tx

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                await self._execute(b"RELEASE joined")
            except DatabaseError as late:
                await self._undo(late)
                raise
        elif isinstance(error, Exception):
            await self._undo(error)

    async def _undo(self, error: Exception) -> None:
        """Back to the savepoint, so that who catches *error* may go on in the held transaction."""
        tx = self._tx
        failed = tx._sent[self._sent :]
        del tx._sent[self._sent :], tx._last[self._last :]
        tx._pending.clear()
        tx._optional.clear()
        await self._execute(b"ROLLBACK TO joined")
        if isinstance(error, Conflict):
            error.existing_id = await occupant(tx, failed, error.constraint)

    async def _execute(self, command: bytes) -> None:
        await self._tx.flush()
        connection = await self._tx._begun()
        with translated():
            await connection.execute(command)


async def _insert(connection: Connection, rows: list[Row], *, if_absent: bool = False) -> None:
    groups: dict[TablePlan, list[Values]] = {}
    for row in rows:
        table = plan(type(row))
        groups.setdefault(table, []).append(table.values(row))
    cursor = connection.cursor()
    for table, values in groups.items():
        statement = table.insert_if_absent if if_absent else table.insert
        if len(values) == 1:
            await cursor.execute(statement.sql, values[0])
        else:
            await cursor.executemany(statement.sql, values)
