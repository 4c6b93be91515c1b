"""Calls that wait for a transaction of the test."""

import asyncio
from collections.abc import Awaitable

import psycopg
from db_utils import Database
from service_testing import eventually

_WAITING = b"""
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"""


async def waits(database: Database, call: Awaitable[object]) -> None:
    """Return when *call* waits for a lock in *database*, or has ended without waiting.

    It asks as the owner of the database: a service does not see what sessions wait for.
    """
    task = asyncio.ensure_future(call)
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as owner:

        async def arrived() -> bool:
            (waiting,) = await (await owner.execute(_WAITING)).fetchone() or (0,)
            return bool(waiting) or task.done()

        await eventually(arrived)
