"""The pool of connections: bounded, served in order, and without losses."""

import asyncio
import random
from collections.abc import AsyncIterator

import psycopg
import pytest
from db_utils import DatabaseUnavailable
from db_utils.pool import ACQUIRE_TIMEOUT, Pool
from service_testing import eventually

_NAME = "essai-pool"
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"


@pytest.fixture
async def pool(url: str) -> AsyncIterator[Pool]:
    """A pool of at most two connections, not opened yet."""
    pool = Pool(url, 2, {"application_name": _NAME})
    yield pool
    await pool.close()


def sessions(owner: psycopg.Connection) -> int:
    """The number of sessions of the pool at the server."""
    return len(owner.execute(_SESSIONS, (_NAME,)).fetchall())


async def test_I8_never_more_connections_than_the_size(pool: Pool, owner: psycopg.Connection) -> None:
    """However many callers there are, and all of them are served."""
    seen, both_at_work = 0, asyncio.Barrier(2)

    async def use(number: int) -> None:
        nonlocal seen
        connection = await pool.acquire()
        if number < 2:  # or the first connection might serve everybody
            await both_at_work.wait()
        await connection.execute("SELECT 1")
        seen = max(seen, sessions(owner))
        pool.release(connection)

    await asyncio.gather(*map(use, range(60)))
    assert seen == 2


async def test_connections_are_made_when_needed(pool: Pool, owner: psycopg.Connection) -> None:
    """One connection is enough for callers one after the other."""
    for _ in range(3):
        pool.release(await pool.acquire())
    assert sessions(owner) == 1


async def test_who_waits_longest_is_served_first(pool: Pool) -> None:
    """Also when a broken connection is replaced and a new caller asks meanwhile."""
    taken = [await pool.acquire() for _ in range(2)]
    served: list[int] = []

    async def use(number: int) -> None:
        connection = await pool.acquire()
        served.append(number)
        pool.release(connection)

    waiting = []
    for number in range(10):
        waiting.append(asyncio.create_task(use(number)))
        await asyncio.sleep(0)
    taken[0].pgconn.finish()
    pool.release(taken[0])
    newcomer = asyncio.create_task(use(10))
    await asyncio.gather(*waiting, newcomer)
    pool.release(taken[1])
    assert served == list(range(11))


async def test_C12_a_caller_waits_two_seconds_in_all(pool: Pool) -> None:
    """Then it gets DatabaseUnavailable, and the pool works on."""
    taken = [await pool.acquire() for _ in range(2)]
    loop = asyncio.get_running_loop()
    started = loop.time()
    refused = await asyncio.gather(*(pool.acquire() for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in refused] == [DatabaseUnavailable] * 5
    assert loop.time() - started >= ACQUIRE_TIMEOUT == 2
    for connection in taken:
        pool.release(connection)
    assert [await pool.acquire() for _ in range(2)] == taken[::-1]
    for connection in taken:
        pool.release(connection)


async def test_a_waiter_that_goes_away_takes_no_connection_along(pool: Pool) -> None:
    """Cancelled in the moment in which it is given one, which the next caller gets."""
    taken = [await pool.acquire() for _ in range(2)]
    gone, next_one = (asyncio.create_task(pool.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    pool.release(taken[0])
    gone.cancel()
    assert await next_one is taken[0]
    assert gone.cancelled()
    for connection in taken:
        pool.release(connection)


async def test_a_caller_that_goes_away_does_not_stop_the_connecting(
    pool: Pool, owner: psycopg.Connection
) -> None:
    """The connection that was being opened serves the next caller."""
    gone = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait((gone,))
    pool.release(await pool.acquire())
    assert (gone.cancelled(), sessions(owner)) == (True, 1)


async def test_nobody_waits_for_a_connection_that_cannot_be_made(url: str) -> None:
    """All callers fail in time, and so do later ones."""
    pool = Pool(url, 2, {"dbname": "absente"})
    for _ in range(2):
        refused = await asyncio.gather(*(pool.acquire() for _ in range(20)), return_exceptions=True)
        assert {type(one) for one in refused} == {DatabaseUnavailable}
    await pool.close()


async def test_a_failure_to_connect_is_logged_once(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """With the words of the server, for the operator."""
    pool = Pool(url, 2, {"dbname": "absente"})
    await asyncio.gather(*(pool.acquire() for _ in range(5)), return_exceptions=True)
    await pool.close()
    (record,) = caplog.records
    assert 'database "absente" does not exist' in record.getMessage()


async def test_an_ended_session_is_replaced_unnoticed(pool: Pool, owner: psycopg.Connection) -> None:
    """Idle connections that the server has closed at a restart are given to nobody."""
    taken = [await pool.acquire() for _ in range(2)]
    for connection in taken:
        pool.release(connection)
    owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (_NAME,)
    )
    await eventually(lambda: sessions(owner) == 0)
    fresh = [await pool.acquire() for _ in range(2)]
    assert [(await (await one.execute("SELECT 1")).fetchone()) for one in fresh] == [(1,), (1,)]
    for connection in fresh:
        pool.release(connection)


@pytest.mark.parametrize("state", ["in a transaction", "in a pipeline", "closed"])
async def test_a_connection_in_the_middle_of_something_is_not_used_again(pool: Pool, state: str) -> None:
    """Closing it makes the server roll back."""
    connection = await pool.acquire()
    if state == "in a transaction":
        await connection.execute("BEGIN")
    elif state == "in a pipeline":
        connection.pgconn.enter_pipeline_mode()
    else:
        await connection.close()
    pool.release(connection)
    assert connection.closed
    fresh = await pool.acquire()
    assert await (await fresh.execute("SELECT 1")).fetchone() == (1,)
    pool.release(fresh)


async def test_closing_ends_the_waiters_at_once(pool: Pool) -> None:
    """Later callers fail too, and no connection is opened."""
    taken = [await pool.acquire() for _ in range(2)]
    waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    await pool.close()
    refused = await asyncio.gather(*waiting, pool.acquire(), return_exceptions=True)
    assert [type(one) for one in refused] == [DatabaseUnavailable] * 4
    for connection in taken:
        pool.release(connection)


async def test_closing_closes_connections_as_they_come_back(pool: Pool, owner: psycopg.Connection) -> None:
    """Idle ones at once; one in use works until it is released."""
    used, idle = [await pool.acquire() for _ in range(2)]
    pool.release(idle)
    await pool.close()
    assert (idle.closed, used.closed) == (True, False)
    await used.execute("SELECT 1")
    pool.release(used)
    await eventually(lambda: sessions(owner) == 0)


async def test_closing_while_connecting_leaves_no_session(url: str, owner: psycopg.Connection) -> None:
    """At any point of opening a connection."""
    chance = random.Random(0)
    for _ in range(50):
        pool = Pool(url, 2, {"application_name": _NAME})
        pool.open()
        asking = asyncio.create_task(pool.acquire())
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        await pool.close()
        (got,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(got, psycopg.AsyncConnection):
            pool.release(got)
    await eventually(lambda: sessions(owner) == 0)
