"""Statements on a connection: the only calls into psycopg for everything that is timed."""

from collections.abc import Sequence
from typing import Any

import psycopg

from db_utils.statements import Statement, TablePlan, Values, insert_together, plan
from db_utils.tables import Row

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


async def run(
    connection: Connection, statement: Statement, values: Values
) -> psycopg.AsyncCursor[tuple[Any, ...]]:
    """Execute *statement*, with a plan kept by the server when it is keyed."""
    cursor = connection.cursor(binary=True)
    return await cursor.execute(statement.sql, values, prepare=statement.keyed)


async def insert_all(connection: Connection, rows: Sequence[Row], *, if_absent: bool = False) -> None:
    """Insert *rows*, a statement each; for a pipeline, with no limit to their number."""
    cursor = connection.cursor()
    for table, values in _by_table(rows).items():
        statement = table.insert_if_absent if if_absent else table.insert
        if len(values) == 1:
            await cursor.execute(statement.sql, values[0])
        else:
            await cursor.executemany(statement.sql, values)


async def insert_at_once(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert a few *rows* of any tables in one statement: all of them or none, without BEGIN."""
    groups = _by_table(rows)
    statement = insert_together(tuple((table, len(values)) for table, values in groups.items()))
    values = [value for group in groups.values() for row in group for value in row]
    await connection.execute(statement, values, prepare=True)


def _by_table(rows: Sequence[Row]) -> dict[TablePlan, list[Values]]:
    groups: dict[TablePlan, list[Values]] = {}
    for row in rows:
        table = plan(type(row))
        groups.setdefault(table, []).append(table.values(row))
    return groups
