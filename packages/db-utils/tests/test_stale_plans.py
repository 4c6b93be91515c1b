"""Tables that change under a running service: no call fails because of a plan kept for too long."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import count

import psycopg
import pytest
from db_utils import Connection, Database, SerializationConflict, pool
from service_testing import eventually
from tests.essais import Fiche, Piece, fiche, pool_of

_SIZE = 3
_ORG = "org-1"
_widths = count(60)  # the tests of this folder share their tables
_PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'fiches'"

Use = Callable[[Database, Fiche], Awaitable[object]]


@pytest.fixture
async def row(database: Database) -> Fiche:
    """A row to be read."""
    async with database.transaction() as tx:
        return await tx.insert(fiche(_ORG))


async def get(database: Database, row: Fiche) -> object:
    found = await database.read().get(Fiche, row.id)
    return found and found.id


async def get_with(database: Database, row: Fiche) -> object:
    found = await database.read().get_with(Fiche, row.id, Piece.fiche_id)
    return found and found[0].id


async def add(database: Database, row: Fiche) -> object:
    async with database.transaction() as tx:
        await tx.insert(fiche(_ORG))
    return row.id


async def get_in_a_transaction(database: Database, row: Fiche) -> object:
    async with database.transaction() as tx:
        found = await tx.get(Fiche, row.id)
    return found and found.id


async def get_after_an_insert(database: Database, row: Fiche) -> object:
    async with database.transaction() as tx:
        await tx.insert(fiche(_ORG))
        found = await tx.get(Fiche, row.id, lock=True)
    return found and found.id


async def on_each_connection(database: Database, use: Callable[[Connection], Awaitable[object]]) -> None:
    """Call *use* with each connection of the pool while the others are taken."""
    taken = [await pool_of(database).acquire() for _ in range(_SIZE)]
    for connection in taken:
        pool_of(database).release(connection)
        await use(connection)
        assert await pool_of(database).acquire() is connection
    for connection in taken:
        pool_of(database).release(connection)


def grow(owner: psycopg.Connection) -> None:
    """Widen a column of `fiches`, as a migration of a later version does."""
    owner.execute(f"ALTER TABLE fiches ALTER COLUMN nom TYPE varchar({next(_widths)})")


async def deallocate(connection: Connection) -> None:
    """Drop all prepared statements, as a pooler does that resets a session without psycopg's knowledge."""
    connection.pgconn.exec_(b"DEALLOCATE ALL")


@pytest.mark.parametrize("use", [get, get_with])
async def test_no_read_fails_when_a_column_grows(
    database: Database, owner: psycopg.Connection, row: Fiche, use: Use
) -> None:
    """On any of the connections, each of which has kept a plan."""
    await on_each_connection(database, lambda _: use(database, row))
    grow(owner)
    found = await asyncio.gather(*(use(database, row) for _ in range(3 * _SIZE)))
    assert found == [row.id] * len(found)


@pytest.mark.parametrize("use", [get, get_with, add])
async def test_no_statement_fails_when_the_server_has_forgotten_it(
    database: Database, row: Fiche, use: Use
) -> None:
    """Reads and commits of inserts are sent again, because the statement has done nothing."""
    await on_each_connection(database, lambda _: use(database, row))
    await on_each_connection(database, deallocate)
    found = await asyncio.gather(*(use(database, row) for _ in range(3 * _SIZE)))
    assert found == [row.id] * len(found)


@pytest.mark.parametrize("use", [get_in_a_transaction, get_after_an_insert])
async def test_one_transaction_is_to_be_repeated_when_a_column_grows(
    database: Database, owner: psycopg.Connection, row: Fiche, use: Use
) -> None:
    """One transaction gets a SerializationConflict; then all connections have stopped using their plans."""
    await on_each_connection(database, lambda _: use(database, row))
    grow(owner)
    with pytest.raises(SerializationConflict):
        await use(database, row)
    found = await asyncio.gather(*(use(database, row) for _ in range(3 * _SIZE)))
    assert found == [row.id] * len(found)


async def test_a_second_change_right_after_the_first_is_met_by_nobody(
    database: Database, owner: psycopg.Connection, row: Fiche
) -> None:
    """No plan is kept while tables change, not even within a transaction."""
    await on_each_connection(database, lambda _: get_in_a_transaction(database, row))
    await on_each_connection(database, lambda _: get(database, row))
    grow(owner)
    await get(database, row)
    for _ in range(2):
        await on_each_connection(database, lambda _: get_in_a_transaction(database, row))
        grow(owner)
    assert await get_in_a_transaction(database, row) == row.id


async def test_a_part_of_a_held_transaction_can_be_repeated_alone(
    database: Database, owner: psycopg.Connection, row: Fiche
) -> None:
    """What the held transaction did before stays."""
    await on_each_connection(database, lambda _: get_in_a_transaction(database, row))
    grow(owner)
    async with database.held() as tx:
        mine = await tx.insert(fiche(_ORG))
        with pytest.raises(SerializationConflict):
            await get_in_a_transaction(database, row)
        assert await get_in_a_transaction(database, row) == row.id
    assert await get(database, mine) == mine.id


async def test_a_change_is_logged_once(
    database: Database, owner: psycopg.Connection, row: Fiche, caplog: pytest.LogCaptureFixture
) -> None:
    """However many connections have kept plans."""
    await on_each_connection(database, lambda _: get(database, row))
    grow(owner)
    with caplog.at_level(logging.INFO, "db_utils"):
        await asyncio.gather(*(get(database, row) for _ in range(3 * _SIZE)))
    assert [record.message for record in caplog.records] == [
        "the tables have changed: their statements are prepared anew"
    ]


async def test_plans_are_kept_again_once_the_tables_are_at_rest(
    database: Database, owner: psycopg.Connection, row: Fiche, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On new connections, which have none of the former plans."""
    monkeypatch.setattr(pool, "_UNREST", 0.05)
    await on_each_connection(database, lambda _: get(database, row))
    former = await pool_of(database).acquire()
    pool_of(database).release(former)
    grow(owner)
    await get(database, row)
    await eventually(lambda: former.closed)
    await get(database, row)
    fresh = await pool_of(database).acquire()
    cursor = await fresh.execute(_PREPARED, prepare=False)
    assert await cursor.fetchone() == (1,)
    pool_of(database).release(fresh)
