"""Statements on connections: the only calls into psycopg on the path of calls and events."""

from collections.abc import Sequence
from functools import cache
from itertools import chain

from db_utils.errors import StalePlan
from db_utils.failures import FAILURES
from db_utils.pool import Connection, Cursor, Pool
from db_utils.statements import Statement, TablePlan, Values, table_plan
from db_utils.tables import Row


async def run(pool: Pool, connection: Connection, statement: Statement, values: Values) -> Cursor:
    """Execute *statement* on a *connection* of *pool*. Raises DatabaseError."""
    try:
        return await connection.cursor(binary=True).execute(statement.sql, values, prepare=statement.keyed)
    except FAILURES as error:
        pool.raise_known(error)


async def run_alone(pool: Pool, statement: Statement, values: Values) -> Cursor:
    """Execute *statement* as a transaction of its own. Raises DatabaseError."""
    connection = await pool.acquire()
    try:
        return await run(pool, connection, statement, values)
    except StalePlan:  # the statement has done nothing
        return await run(pool, connection, statement, values)
    finally:
        pool.release(connection)


async def insert_alone(pool: Pool, rows: Sequence[Row]) -> None:
    """Insert a few *rows* of any tables in one statement without BEGIN: all of them or none."""
    groups = _by_table(rows)
    statement = _insert_together(tuple(zip(groups, map(len, groups.values()), strict=True)))
    await run_alone(pool, statement, [*chain.from_iterable(chain.from_iterable(groups.values()))])


async def insert_all(connection: Connection, rows: Sequence[Row], *, if_absent: bool = False) -> None:
    """Insert *rows*, one statement each, with no limit to their number. For use in a pipeline."""
    cursor = connection.cursor()
    for table, values in _by_table(rows).items():
        statement = table.insert_if_absent if if_absent else table.insert
        if len(values) == 1:
            await cursor.execute(statement.sql, values[0])
        else:
            await cursor.executemany(statement.sql, values)


def _by_table(rows: Sequence[Row]) -> dict[TablePlan, list[Values]]:
    """The values of *rows*, grouped by table in the order of first appearance."""
    groups: dict[TablePlan, list[Values]] = {}
    for row in rows:
        table = table_plan(type(row))
        groups.setdefault(table, []).append(table.insert.values(row.__dict__))
    return groups


@cache
def _insert_together(counts: tuple[tuple[TablePlan, int], ...]) -> Statement:
    """One statement that inserts a number of rows into each of several tables: all of them or none.

    Each table occurs once, with all of its rows: PostgreSQL runs the parts of a WITH list in no
    defined order, and numbers that the server gives must follow the order of the rows.
    """
    *first, last = (_insert_many(table.insert.sql, count) for table, count in counts)
    named = b", ".join(b"w%d AS (%s)" % (number, insert) for number, insert in enumerate(first))
    return Statement(b"WITH " + named + b" " + last if first else last, (), keyed=True)


def _insert_many(insert: bytes, count: int) -> bytes:
    into, values, row = insert.partition(b" VALUES ")
    return into + values + b", ".join([row] * count)
