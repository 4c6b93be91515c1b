"""Round trips of a unit of work, counted on the wire."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from db_utils import Database
from sqlalchemy import select
from tests.essais import SCHEMA, Fiche, Journal, Piece, fiche, new_code, round_trips, wire

Work = Callable[[Database, str], Awaitable[None]]


@pytest.fixture
async def alone(url: str) -> AsyncIterator[Database]:
    """A database with one connection, so that all messages go through it."""
    database = Database(url, SCHEMA, pool_size=1)
    await database.open()
    yield database
    await database.close()


async def only_inserts(database: Database, org: str) -> None:
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        await tx.insert(Piece(organisation_id=org, fiche_id=row.id))
        tx.insert_at_commit(Journal(message=org))


async def many_inserts(database: Database, org: str) -> None:
    async with database.transaction() as tx:
        for _ in range(50):
            await tx.insert(fiche(org))


async def if_absent(database: Database, org: str) -> None:
    async with database.transaction() as tx:
        await tx.insert(fiche(org), if_absent=True)
        await tx.insert(fiche(org))


async def insert_and_read(database: Database, org: str) -> None:
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        await tx.get(Fiche, row.id)


async def read_and_insert(database: Database, org: str) -> None:
    async with database.transaction() as tx:
        await tx.all(select(Fiche).where(Fiche.code == ""))
        await tx.insert(fiche(org))
        tx.insert_at_commit(Journal(message=org))


async def read_and_update(database: Database, org: str) -> None:
    async with database.transaction() as tx:
        row = await tx.one(select(Fiche).limit(1))
        assert row is not None
        await tx.update(row, nom=new_code())
        tx.insert_at_commit(Journal(message=org))


async def read_alone(database: Database, org: str) -> None:
    await database.read().all(select(Fiche).where(Fiche.code == ""))


async def nothing(database: Database, org: str) -> None:
    async with database.transaction():
        pass


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (only_inserts, 1),
        (many_inserts, 1),
        (if_absent, 1),
        (insert_and_read, 2),
        (read_and_insert, 2),
        (read_and_update, 3),
        (read_alone, 1),
        (nothing, 0),
    ],
)
async def test_a_unit_of_work_waits_no_oftener_than_it_must(
    alone: Database, org: str, work: Work, expected: int
) -> None:
    """BEGIN travels with the first statement, collected inserts with the next, the last with COMMIT."""
    await only_inserts(alone, org)
    await work(alone, org)  # prepares its statements, once per connection
    async with wire(alone) as said:
        await work(alone, org)
    assert expected == round_trips(said), said


async def test_a_transaction_of_inserts_is_one_statement_without_begin(alone: Database, org: str) -> None:
    """One statement is atomic by itself."""
    async with wire(alone) as said:
        await only_inserts(alone, org)
    parsed = [line for line in said if "\tParse\t" in line]
    assert len(parsed) == 1
    assert "INSERT INTO fiches" in parsed[0]
    assert not any("BEGIN" in line or "COMMIT" in line for line in said)


async def test_a_known_statement_is_neither_parsed_nor_compiled_again(alone: Database, org: str) -> None:
    """A read by primary key only binds values to a kept plan."""
    async with alone.transaction() as tx:
        row = await tx.insert(fiche(org))
    await alone.read().get(Fiche, row.id)
    async with wire(alone) as said:
        await alone.read().get(Fiche, row.id)
    assert [line.split("\t")[2] for line in said] == ["Bind", "Describe", "Execute", "Sync"]
