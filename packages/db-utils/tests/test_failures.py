"""The errors of the database, each caused for real."""

import asyncio
from typing import Any

import pytest
from db_utils import (
    Database,
    InvalidText,
    SerializationConflict,
    StatementTimeout,
    Transaction,
)
from sqlalchemy import bindparam, func, select
from tests.essais import Fiche, fiche

_SHORT = select(func.set_config("statement_timeout", "20", True))
_SLEEP = select(func.pg_sleep(5))


async def test_two_transactions_in_each_others_way_end_as_a_serialization_conflict(
    database: Database, org: str
) -> None:
    """Of a deadlock one transaction fails and the other commits."""
    async with database.transaction() as tx:
        rows = [await tx.insert(fiche(org)) for _ in range(2)]
    both_hold_one = asyncio.Barrier(2)

    async def lock(first: Fiche, second: Fiche) -> None:
        async with database.transaction() as tx:
            assert await tx.get(Fiche, first.id, lock=True)
            await both_hold_one.wait()
            mine = await tx.get(Fiche, second.id, lock=True)
            assert mine is not None
            await tx.update(mine, nom="gagnant")

    results = await asyncio.gather(lock(*rows), lock(*reversed(rows)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "SerializationConflict"]
    names = await database.read().all(select(Fiche.nom).where(Fiche.organisation_id == org))
    assert sorted(names) == ["", "gagnant"]


async def test_C12_a_session_gives_a_statement_five_seconds(database: Database) -> None:
    """And an idle transaction one minute; the server enforces both."""
    settings = select(
        func.current_setting("statement_timeout"), func.current_setting("idle_in_transaction_session_timeout")
    )
    assert await database.read().one(settings) == ("5s", "1min")


async def test_C12_a_statement_that_runs_too_long_is_a_timeout(database: Database, org: str) -> None:
    """Its transaction is undone, and its connection serves the next one."""
    for _ in range(5):
        with pytest.raises(StatementTimeout):
            async with database.transaction() as tx:
                await tx.insert(fiche(org))
                await tx.one(_SHORT)
                await tx.one(_SLEEP)
    assert await database.read().all(select(Fiche).where(Fiche.organisation_id == org)) == []


async def _insert(tx: Transaction, org: str, text: str) -> None:
    await tx.insert(fiche(org, nom=text))


async def _insert_after_a_read(tx: Transaction, org: str, text: str) -> None:
    await tx.one(select(func.now()))
    await tx.insert(fiche(org, nom=text))


async def _insert_json(tx: Transaction, org: str, text: str) -> None:
    await tx.insert(fiche(org, donnees={"a": [text]}))


async def _insert_array(tx: Transaction, org: str, text: str) -> None:
    await tx.insert(fiche(org, etiquettes=[text]))


async def _search(tx: Transaction, org: str, text: str) -> None:
    await tx.all(select(Fiche).where(Fiche.nom == bindparam("nom")), nom=text)


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"], ids=["nul", "surrogate"])
@pytest.mark.parametrize("write", [_insert, _insert_after_a_read, _insert_json, _insert_array, _search])
async def test_a_text_that_cannot_be_stored_is_said_to_be_invalid(
    database: Database, org: str, write: Any, text: str
) -> None:
    """In columns, JSON, arrays and parameters: InvalidText is the caller's error."""
    with pytest.raises(InvalidText):
        async with database.transaction() as tx:
            await write(tx, org, text)
    assert await database.read().all(select(Fiche).where(Fiche.organisation_id == org)) == []


async def test_a_failed_unit_of_work_may_be_run_again(database: Database, org: str) -> None:
    """After a SerializationConflict the same rows can be inserted again."""
    row = fiche(org)
    with pytest.raises(SerializationConflict):
        async with database.transaction() as tx:
            await tx.insert(row)
            await tx.flush()
            raise SerializationConflict
    async with database.transaction() as tx:
        await tx.insert(row)
    assert await database.read().get(Fiche, row.id) is not None
