"""Locks within a transaction, by name: who holds one keeps others waiting until it ends."""

import asyncio

import psycopg
from db_utils import Database
from service_testing import eventually
from tests.essais import Fiche, fiche

_WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def _add_if_first(database: Database, org: str, *name: str) -> None:
    """Insert a row unless the organisation has one: two at once must not both find none."""
    async with database.transaction() as tx:
        await tx.lock(*name)
        if not await tx.all(Fiche.__table__.select().where(Fiche.organisation_id == org)):
            await tx.insert(fiche(org))


async def test_what_is_decided_under_a_lock_is_decided_once(database: Database, org: str) -> None:
    """The second holder sees what the first has committed."""
    await asyncio.gather(*(_add_if_first(database, org, "fiches", org) for _ in range(10)))
    assert len(await database.read().all(Fiche.__table__.select().where(Fiche.organisation_id == org))) == 1


async def test_other_names_do_not_wait(database: Database, org: str, owner: psycopg.Connection) -> None:
    """Nor does the same name in another schema."""
    async with database.transaction() as tx:
        await tx.lock("fiches", org)
        await _add_if_first(database, org, "fiches", f"{org}-autre")
        name = f"autre/fiches/{org}"
        free = owner.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (name,))
        assert free.fetchone() == (True,)


async def test_a_job_and_a_transaction_share_their_names(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """A transaction waits for the job that holds the name, and goes on when it ends."""
    async with database.exclusive(f"releve/{org}") as mine:
        assert mine
        waiting = asyncio.create_task(_add_if_first(database, org, "releve", org))
        await eventually(lambda: owner.execute(_WAITING).fetchone())
    await waiting
