"""Sessions beside the pool."""

import psycopg
import pytest
from db_utils import Database, DatabaseUnavailable
from tests.essais import SCHEMA


async def test_a_session_takes_nothing_from_the_pool(url: str) -> None:
    """The only connection of the pool stays free; both have the role of the service."""
    database = Database(url, SCHEMA, pool_size=1)
    async with database.session() as session:
        cursor = await session.execute("SELECT current_user")
        assert await cursor.fetchone() == (f"crm_{SCHEMA}",)
        await database.ping()
    await database.close()
    assert session.closed


async def test_a_session_that_is_lost_says_so(database: Database, owner: psycopg.Connection) -> None:
    """With DatabaseUnavailable."""
    with pytest.raises(DatabaseUnavailable):
        async with database.session() as session:
            owner.execute("SELECT pg_terminate_backend(%s)", (session.info.backend_pid,))
            await session.execute("SELECT 1")
    assert session.closed
