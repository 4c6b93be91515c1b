"""Held transactions, in which an idempotent call runs: inner transactions join them."""

import asyncio
from functools import partial

import psycopg
import pytest
from db_utils import Conflict, Database, once_committed, retried
from sqlalchemy import select
from tests.essais import SCHEMA, Fiche, Journal, fiche, round_trips, wire


async def codes(database: Database, org: str) -> list[str]:
    """The codes of the rows of *org*, sorted."""
    return sorted(await database.read().all(select(Fiche.code).where(Fiche.organisation_id == org)))


async def test_inner_transactions_join_the_held_one(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """They are committed together, with the held one."""
    async with database.held() as outer:
        async with database.transaction() as first:
            await first.insert(fiche(org, code="A"))
        async with database.transaction() as second:
            await second.insert(fiche(org, code="B"))
        assert await codes(database, org) == ["A", "B"]
        outside = owner.execute("SELECT count(*) FROM fiches WHERE organisation_id = %s", (org,))
        assert outside.fetchone() == (0,)
        outer.insert_at_commit(fiche(org, code="C"))
    assert await codes(database, org) == ["A", "B", "C"]


async def test_a_held_transaction_that_fails_leaves_nothing_of_the_inner_ones(
    database: Database, org: str
) -> None:
    """Also of those that had ended without an error."""
    with pytest.raises(ZeroDivisionError):
        async with database.held():
            async with database.transaction() as tx:
                await tx.insert(fiche(org))
            raise ZeroDivisionError
    assert await codes(database, org) == []


async def test_the_errors_of_an_inner_transaction_surface_at_its_end(database: Database, org: str) -> None:
    """A handler meets them where it expects them, with the existing id, and not at the commit."""
    existing = fiche(org, code="A")
    async with database.transaction() as tx:
        await tx.insert(existing)
    async with database.held():
        with pytest.raises(Conflict) as refused:
            async with database.transaction() as tx:
                await tx.insert(fiche(org, code="A"))
        assert refused.value.existing_id == existing.id


async def test_the_session_of_a_failed_part_works_on(url: str, org: str) -> None:
    """The next statements on the connection, with kept plans, work again and again."""
    database = Database(url, SCHEMA, pool_size=1)
    await database.open()
    row = fiche(org, code="A")
    async with database.held() as outer:
        await outer.insert(row)
        with pytest.raises(ZeroDivisionError):
            async with database.transaction():
                raise ZeroDivisionError
        await outer.update(row, code="B")
    for code in ("C", "D"):
        async with database.transaction() as tx:
            await tx.update(row, code=code)
    assert await codes(database, org) == ["D"]
    await database.close()


@pytest.mark.parametrize("surfaces", ["at the end", "inside"])
async def test_a_handler_may_go_on_after_an_inner_transaction_that_failed(
    database: Database, org: str, surfaces: str
) -> None:
    """The failed part is undone alone, with its rows at commit."""
    async with database.held() as outer:
        outer.insert_at_commit(Journal(message=f"{org} avant"))
        async with database.transaction() as tx:
            await tx.insert(fiche(org, code="A"))
        with pytest.raises(Conflict):
            async with database.transaction() as tx:
                tx.insert_at_commit(Journal(message=f"{org} perdu"))
                await tx.insert(fiche(org, code="B"))
                await tx.insert(fiche(org, code="B2"), if_absent=True)
                await tx.insert(fiche(org, code="A"))
                if surfaces == "inside":
                    await tx.flush()
        async with database.transaction() as tx:
            tx.insert_at_commit(Journal(message=f"{org} après"))
            await tx.insert(fiche(org, code="C"))
    assert await codes(database, org) == ["A", "C"]
    messages = select(Journal.message).where(Journal.message.startswith(org)).order_by(Journal.id)
    assert await database.read().all(messages) == [f"{org} avant", f"{org} après"]


async def test_a_deadlocked_inner_transaction_may_be_run_again(database: Database, org: str) -> None:
    """Undoing the part releases its locks."""
    async with database.transaction() as tx:
        rows = [await tx.insert(fiche(org)) for _ in range(2)]
    both_hold_one = asyncio.Barrier(2)
    attempts: list[int] = []

    async def lock(number: int, first: Fiche, second: Fiche) -> None:
        async with database.transaction() as tx:
            attempts.append(number)
            assert await tx.get(Fiche, first.id, lock=True)
            if len(attempts) <= 2:
                await both_hold_one.wait()
            mine = await tx.get(Fiche, second.id, lock=True)
            assert mine is not None
            await tx.update(mine, rang=mine.rang + 1)

    async def call(number: int, first: Fiche, second: Fiche) -> None:
        async with database.held() as outer:
            await retried(partial(lock, number, first, second))
            outer.insert_at_commit(Journal(message=f"{org} {number}"))

    await asyncio.gather(call(1, rows[0], rows[1]), call(2, rows[1], rows[0]))
    ranks = await database.read().all(select(Fiche.rang).where(Fiche.organisation_id == org))
    assert sorted(ranks) == [1, 1]
    assert len(attempts) >= 3  # the one that was undone may meet the other once more


async def test_what_a_call_leaves_running_has_transactions_of_its_own(database: Database, org: str) -> None:
    """A task that outlives the call neither waits for its commit nor is undone with it."""
    answered = asyncio.Event()

    async def best_effort() -> None:
        await answered.wait()
        async with database.transaction() as tx:
            await tx.insert(fiche(org, code="après"))

    async with database.held() as outer:
        task = asyncio.create_task(best_effort())
        await outer.insert(fiche(org, code="avant"))
    answered.set()
    await task
    assert await codes(database, org) == ["après", "avant"]


async def test_callbacks_follow_the_commit_of_the_held_transaction(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """Those of an undone one are forgotten; without a held one, and in another task, they come at once."""
    seen: list[int] = []

    def count() -> None:
        rows = owner.execute("SELECT count(*) FROM fiches WHERE organisation_id = %s", (org,)).fetchone()
        assert rows is not None
        seen.append(rows[0])

    async def beside() -> None:
        once_committed(count)

    async with database.held():
        async with database.transaction() as tx:
            await tx.insert(fiche(org))
        once_committed(count)
        assert seen == []
        await asyncio.create_task(beside())
        assert seen == [0]
    assert seen == [0, 1]
    with pytest.raises(ZeroDivisionError):
        async with database.held():
            once_committed(count)
            raise ZeroDivisionError
    once_committed(count)
    assert seen == [0, 1, 1]


async def test_another_database_is_not_held(database: Database, url: str, org: str) -> None:
    """A transaction on another schema commits by itself."""
    other = Database(url, SCHEMA, pool_size=1)
    await other.open()
    with pytest.raises(ZeroDivisionError):
        async with database.held():
            async with other.transaction() as tx:
                await tx.insert(fiche(org, code="A"))
            raise ZeroDivisionError
    assert await codes(other, org) == ["A"]
    await other.close()


async def test_holding_costs_two_round_trips_more(url: str, org: str) -> None:
    """The savepoint travels with BEGIN and its release with the inserts; the COMMIT is a third round trip."""
    database = Database(url, SCHEMA, pool_size=1)
    await database.open()

    async def call() -> None:
        async with database.held() as outer:
            async with database.transaction() as tx:
                await tx.insert(fiche(org))
            outer.insert_at_commit(Journal(message=org))

    await call()
    async with wire(database) as said:
        await call()
    await database.close()
    assert round_trips(said) == 3
