"""One statement on one connection: the single call into psycopg for everything that is timed."""

from typing import Any

import psycopg

from db_utils.statements import Statement, Values

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


async def run(
    connection: Connection, statement: Statement, values: Values
) -> psycopg.AsyncCursor[tuple[Any, ...]]:
    """Execute *statement*, with a plan kept by the server when it is keyed."""
    cursor = connection.cursor(binary=True)
    return await cursor.execute(statement.sql, values, prepare=statement.keyed)
