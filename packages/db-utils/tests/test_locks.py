"""Advisory locks by name: within a transaction, and over whole jobs."""

import asyncio
from contextlib import AsyncExitStack

import psycopg
import pytest
from db_utils import Database
from service_testing import eventually
from tests.essais import SCHEMA, Fiche, fiche

_WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def _add_if_first(database: Database, org: str, *name: str) -> None:
    """Insert a row unless the organisation has one; two transactions at once must not both find none."""
    async with database.transaction() as tx:
        await tx.lock(*name)
        if not await tx.all(Fiche.__table__.select().where(Fiche.organisation_id == org)):
            await tx.insert(fiche(org))


async def test_what_is_decided_under_a_lock_is_decided_once(database: Database, org: str) -> None:
    """The second holder sees what the first has committed."""
    await asyncio.gather(*(_add_if_first(database, org, "fiches", org) for _ in range(10)))
    assert len(await database.read().all(Fiche.__table__.select().where(Fiche.organisation_id == org))) == 1


async def test_other_names_do_not_wait(database: Database, org: str, owner: psycopg.Connection) -> None:
    """Neither do other transactions with another name, nor the same name in another schema."""
    async with database.transaction() as tx:
        await tx.lock("fiches", org)
        await _add_if_first(database, org, "fiches", f"{org}-autre")
        name = f"autre/fiches/{org}"
        free = owner.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (name,))
        assert free.fetchone() == (True,)


async def test_a_job_and_a_transaction_share_their_names(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """A transaction waits for the job that holds its name."""
    async with database.exclusive(f"releve/{org}") as mine:
        assert mine
        waiting = asyncio.create_task(_add_if_first(database, org, "releve", org))
        await eventually(lambda: owner.execute(_WAITING).fetchone())
    await waiting


async def test_C18_one_holder_at_a_time_has_the_lock(database: Database, url: str) -> None:
    """Two replicas never hold one name at once; another name is another lock."""
    replica = Database(url, SCHEMA, pool_size=1)
    await replica.open()
    async with database.exclusive("job") as mine:
        async with replica.exclusive("job") as theirs:
            assert (mine, theirs) == (True, False)
        async with replica.exclusive("autre") as theirs:
            assert theirs
    async with replica.exclusive("job") as theirs:
        assert theirs
    await replica.close()


async def test_C18_a_holder_that_fails_gives_the_lock_back(database: Database, url: str) -> None:
    """The exception leaves the block unchanged."""
    with pytest.raises(ZeroDivisionError):
        async with database.exclusive("job"):
            raise ZeroDivisionError
    async with database.exclusive("job") as mine:
        assert mine


async def test_C18_who_did_not_get_the_lock_does_not_give_it_back(database: Database, url: str) -> None:
    """A replica that was refused leaves the lock with its holder."""
    replicas = [Database(url, SCHEMA, pool_size=1) for _ in range(2)]
    async with database.exclusive("job"):
        for replica in replicas:
            await replica.open()
            async with replica.exclusive("job") as theirs:
                assert not theirs
    for replica in replicas:
        await replica.close()


async def test_locks_of_two_schemas_are_two(database: Database, url: str) -> None:
    """Jobs of two services may have the same name."""
    other = Database(url, "clients", pool_size=1)
    await other.open()
    async with database.exclusive("job") as mine, other.exclusive("job") as theirs:
        assert (mine, theirs) == (True, True)
    await other.close()


async def test_one_process_does_not_hold_a_lock_twice(database: Database) -> None:
    """PostgreSQL would let the session, which is shared, take the lock again."""
    async with database.exclusive("job") as mine:
        async with database.exclusive("job") as again:
            assert (mine, again) == (True, False)
        async with database.exclusive("autre") as other:
            assert other
    async with database.exclusive("job") as mine:
        assert mine


async def test_locks_leave_the_pool_to_others(url: str, owner: psycopg.Connection) -> None:
    """All locks of a process are held on one session beside the pool."""
    database = Database(url, SCHEMA, pool_size=1)
    await database.open()
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(database.exclusive(f"job {n}")) for n in range(5)]
        await database.ping()
        locks = owner.execute(
            "SELECT count(*), count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert (held, locks.fetchone()) == ([True] * 5, (5, 1))
    await database.close()
