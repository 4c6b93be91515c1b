"""A server that stops, is killed, freezes and comes back while its database is in use."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest
from db_utils import Database, DatabaseUnavailable
from db_utils.migrations import Patience, migrate, wait_for_server
from db_utils.pool import _is_quiet
from service_kit.embedded import EmbeddedPostgres
from service_testing import eventually
from service_testing.freezing import frozen
from sqlalchemy import func, select
from tests.essais import SCHEMA, Fiche, essai_schema, fiche, pool_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server for this module, which its tests stop and kill."""
    folder = tmp_path_factory.mktemp("server")
    server = EmbeddedPostgres(folder)
    server.start()
    migrate(server.url(), [essai_schema(folder)])
    yield server
    server.stop()


@pytest.fixture
async def database(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """The schema with all connections open and idle."""
    database = Database(server.url(), SCHEMA, pool_size=3)
    await database.open()
    taken = [await pool_of(database).acquire() for _ in range(3)]
    for connection in taken:
        pool_of(database).release(connection)
    yield database
    await database.close()


async def test_while_the_server_is_away_everything_is_unavailable(
    database: Database, server: EmbeddedPostgres, org: str
) -> None:
    """Reads, writes and locks fail within the two seconds of C12."""

    async def write() -> None:
        async with database.transaction() as tx:
            await tx.insert(fiche(org))

    async def hold() -> None:
        async with database.exclusive("job"):
            pass

    server.stop()
    try:
        answers = await asyncio.gather(
            database.read().all(select(Fiche)), write(), hold(), return_exceptions=True
        )
    finally:
        server.start()
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_after_a_restart_the_first_calls_succeed(
    database: Database, server: EmbeddedPostgres, org: str, end: str
) -> None:
    """Dead connections are replaced before use: no write fails or is sent twice."""
    getattr(server, end)()
    server.start()
    rows = [fiche(org) for _ in range(10)]

    async def write(row: Fiche) -> None:
        async with database.transaction() as tx:
            await tx.insert(row)

    await asyncio.gather(*(write(row) for row in rows))
    assert len(await database.read().all(select(Fiche).where(Fiche.organisation_id == org))) == 10


async def test_a_call_outlives_a_short_restart(
    database: Database, server: EmbeddedPostgres, org: str
) -> None:
    """It waits for a connection until the server is back."""
    server.stop()
    reading = asyncio.create_task(database.read().all(select(Fiche).where(Fiche.organisation_id == org)))
    await asyncio.to_thread(server.start)
    assert await reading == []


async def test_a_transaction_cut_in_the_middle_is_unavailable_and_undone(
    database: Database, server: EmbeddedPostgres, org: str
) -> None:
    """Its next statement raises DatabaseUnavailable, and nothing of it is committed."""
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as tx:
            await tx.insert(fiche(org))
            await tx.flush()
            server.kill()
            server.start()
            await tx.insert(fiche(org))
    assert await database.read().all(select(Fiche).where(Fiche.organisation_id == org)) == []


async def test_a_lost_answer_to_a_commit_is_unavailable(
    database: Database, server: EmbeddedPostgres, org: str
) -> None:
    """The caller is told that it failed, although it may have been committed."""
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as tx:
            await tx.insert(fiche(org))
            await tx.flush()
            server.kill()
            # The session outlives its server for a moment, in which it could still commit.
            await eventually(lambda: tx._connection and not _is_quiet(tx._connection))
    server.start()
    assert len(await database.read().all(select(Fiche).where(Fiche.organisation_id == org))) in (0, 1)


async def test_a_command_may_be_run_before_its_server(server: EmbeddedPostgres) -> None:
    """It waits until the server answers."""
    server.stop()
    told: list[str] = []
    waiting = asyncio.create_task(asyncio.to_thread(wait_for_server, server.url(), Patience(30, told.append)))
    await eventually(lambda: told)
    server.start()
    await waiting


async def test_a_database_may_be_opened_before_its_server(server: EmbeddedPostgres) -> None:
    """`open` waits for nothing; the first call after the start of the server succeeds."""
    server.stop()
    database = Database(server.url(), SCHEMA, pool_size=1)
    await database.open()
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    server.start()
    await database.ping()
    await database.close()


async def test_C17_a_silent_server_gives_no_sign_of_life(
    database: Database, server: EmbeddedPostgres
) -> None:
    """A ping without an answer fails, also when it is asked twice."""
    with frozen(server.pid):
        silence = await asyncio.gather(database.ping(), database.ping(), return_exceptions=True)
    assert [type(one) for one in silence] == [DatabaseUnavailable] * 2

    async def answers() -> bool:
        await database.ping()
        return True

    assert await eventually(answers)


async def test_a_ping_may_fail_after_its_caller_has_left(
    server: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no complaint of asyncio about an exception that was never retrieved."""
    database = Database(server.url(), SCHEMA, pool_size=1)
    await database.open()
    held = await pool_of(database).acquire()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(database.ping(), 0.1)
    with pytest.raises(DatabaseUnavailable):
        await database.read().one(select(func.count()).select_from(Fiche))
    pool_of(database).release(held)
    await database.ping()
    await database.close()
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_calls_wait_out_a_short_freeze(database: Database, server: EmbeddedPostgres) -> None:
    """A server that pauses loses no call."""
    with frozen(server.pid):
        reading = asyncio.create_task(database.read().one(select(func.now())))
        await asyncio.wait((reading,), timeout=0.1)
        assert not reading.done()
    assert await reading is not None


async def test_the_lock_of_a_lost_session_is_free(database: Database, server: EmbeddedPostgres) -> None:
    """Its holder gets DatabaseUnavailable, and another may take the lock."""
    with pytest.raises(DatabaseUnavailable):
        async with database.exclusive("job") as mine:
            assert mine
            server.kill()
            server.start()
    async with database.exclusive("job") as mine:
        assert mine
