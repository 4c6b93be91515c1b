"""Cancelled callers: what is half done is finished or undone, and no connection is lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from db_utils import Database
from service_testing import eventually
from sqlalchemy import func, select
from tests.essais import SCHEMA, Fiche, Journal, Piece, fiche, pool_of

_TIMES = 500
_SIZE = 3

Work = Callable[[Database, str, str], Awaitable[None]]


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The database with a pool of three connections."""
    database = Database(url, SCHEMA, pool_size=_SIZE)
    await database.open()
    yield database
    await database.close()


async def insert(database: Database, org: str, code: str) -> None:
    """Insert in one statement."""
    async with database.transaction() as tx:
        await tx.insert(fiche(org, code=code))
        tx.insert_at_commit(Journal(message=code))


async def read_and_insert(database: Database, org: str, code: str) -> None:
    """BEGIN, a read, then a pipeline."""
    async with database.transaction() as tx:
        await tx.one(select(func.count()).select_from(Fiche))
        await tx.insert(fiche(org, code=code))
        tx.insert_at_commit(Journal(message=code))


async def insert_and_update(database: Database, org: str, code: str) -> None:
    """The statements of a handler within a held transaction, as with an idempotency key."""
    async with database.held() as outer:
        await outer.get(Fiche, code)
        async with database.transaction() as tx:
            row = await tx.insert(fiche(org, code=code))
            await tx.update(row, nom="x")
        outer.insert_at_commit(Journal(message=code))


async def read(database: Database, org: str, code: str) -> None:
    """Read outside a transaction."""
    await database.read().all(select(Fiche).limit(5))


async def exclusive(database: Database, org: str, code: str) -> None:
    """Insert under the lock of a job."""
    async with database.exclusive("job") as mine:
        if mine:
            await insert(database, org, code)


async def cancelled_somewhere(chance: random.Random, work: Awaitable[None]) -> bool:
    """Cancel *work* after 1 to 1,000 turns of the event loop; whether it had not ended before."""
    task = asyncio.ensure_future(work)
    for _ in range(int(2 ** chance.uniform(0, 10))):
        await asyncio.sleep(0)
    task.cancel()
    done = await asyncio.gather(task, return_exceptions=True)
    return isinstance(done[0], asyncio.CancelledError)


async def take_all(database: Database) -> None:
    """Acquire every connection of the pool and release all of them."""
    taken = [await pool_of(database).acquire() for _ in range(_SIZE)]
    for connection in taken:
        pool_of(database).release(connection)


@pytest.mark.parametrize(
    "works", [(insert,), (read_and_insert,), (insert_and_update,), (read, insert, exclusive)]
)
async def test_a_cancelled_caller_leaves_a_row_with_its_event_or_neither(
    database: Database, org: str, owner: psycopg.Connection, works: tuple[Work, ...]
) -> None:
    """Cancelled at 500 random points: each row has its row at commit, and every connection is back."""
    chance = random.Random(org)
    codes = [f"{org}-{number}"[-20:] for number in range(_TIMES)]
    cancelled = [
        await cancelled_somewhere(chance, chance.choice(works)(database, org, code)) for code in codes
    ]
    await take_all(database)  # what was cancelled and still running has ended

    async def at_rest() -> bool:
        state = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
        return owner.execute(state).fetchone() == (1,)

    await eventually(at_rest)
    rows = owner.execute("SELECT code FROM fiches WHERE organisation_id = %s ORDER BY 1", (org,))
    events = owner.execute("SELECT message FROM journal WHERE message = ANY(%s) ORDER BY 1", (codes,))
    assert rows.fetchall() == events.fetchall()
    assert 0 < sum(cancelled) < _TIMES
    async with database.exclusive("job") as mine:
        assert mine


async def test_a_crowd_of_cancelled_callers_leaves_a_full_pool(database: Database, org: str) -> None:
    """Many more callers than connections, waiting or served, are cancelled at once."""
    chance = random.Random(org)
    for number in range(20):
        works = [
            cancelled_somewhere(chance, insert(database, org, f"{number}-{position}"))
            for position in range(25)
        ]
        await asyncio.gather(*works)
    await take_all(database)


async def test_a_cancelled_read_frees_its_connection(database: Database, owner: psycopg.Connection) -> None:
    """The server ends the statement, and the connection serves the next caller."""
    sleep = asyncio.ensure_future(database.read().one(select(func.pg_sleep(4))))

    def sleeping() -> int:
        row = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        ).fetchone()
        assert row is not None
        return int(row[0])

    await eventually(sleeping)
    sleep.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleep
    assert sleeping() == 0
    await take_all(database)


async def test_a_commit_goes_on_without_its_caller(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """The caller is cancelled at once, and closing the database waits for the commit."""
    locked = fiche(org)
    async with database.transaction() as tx:
        await tx.insert(locked)
    with owner.transaction():
        owner.execute("SELECT 1 FROM fiches WHERE id = %s FOR UPDATE", (locked.id,))
        waiting = asyncio.ensure_future(_add_piece(database, locked))
        await eventually(lambda: owner.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await database.close()
    count = owner.execute("SELECT count(*) FROM pieces WHERE fiche_id = %s", (locked.id,)).fetchone()
    assert count == (1,)


async def _add_piece(database: Database, parent: Fiche) -> None:
    """An insert whose foreign key check waits for the lock on *parent*."""
    async with database.transaction() as tx:
        await tx.insert(Piece(organisation_id=parent.organisation_id, fiche_id=parent.id))
