"""Rows that are written in transactions; failures are in `test_failures.py`."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from db_utils import (
    Conflict,
    Database,
    OrganisationRequired,
    TextTooLong,
    UnknownChoice,
    clock,
)
from db_utils.errors import SwallowedError, TransactionOver
from sqlalchemy import bindparam, select, update
from tests.essais import Courriel, Fiche, Journal, Modele, Piece, Reglage, fiche, pool_of

FICHES = select(Fiche).where(Fiche.organisation_id == bindparam("org")).order_by(Fiche.id)


async def test_an_insert_is_complete_before_it_is_sent(database: Database, org: str) -> None:
    """Id, instants and version are there at once, for the answer of the handler."""
    instant = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with clock.frozen_at(instant):
        async with database.transaction() as tx:
            row = await tx.insert(fiche(org))
    assert (row.id.version, row.created_at, row.updated_at, row.version) == (7, instant, instant, 1)


async def test_every_type_comes_back_as_it_went(database: Database, org: str) -> None:
    """Texts, numbers, days, instants, JSON, arrays and NULL."""
    row = fiche(
        org,
        nom="Éloïse « Ø » 🎈 100 % \\ '",
        grand=2**62,
        montant=Decimal("999999999999.99"),
        jour=date(1900, 2, 28),
        instant=datetime(2026, 10, 25, 0, 30, 0, 123456, tzinfo=UTC),
        donnees={"a": [1, None, {"é": "%s"}], "b": 1.5},
        etiquettes=["x", "", "a,b", '"', "{}"],
    )
    async with database.transaction() as tx:
        await tx.insert(row)
        empty = await tx.insert(fiche(org))
    by_key = [await database.read().get(Fiche, one.id) for one in (row, empty)]
    by_statement = await database.read().all(FICHES, org=org)
    names = Fiche.__table__.columns.keys()
    written, first, second = (
        [[getattr(one, name) for name in names] for one in rows]
        for rows in ((row, empty), by_key, by_statement)
    )
    assert written == first == second


async def test_a_read_sees_the_inserts_before_it(database: Database, org: str) -> None:
    """A read of the transaction sends the collected inserts first."""
    async with database.transaction() as tx:
        rows = [await tx.insert(fiche(org)) for _ in range(3)]
        found = await tx.all(FICHES, org=org)
        assert await tx.get(Fiche, rows[0].id) is not None
    assert [row.id for row in found] == [row.id for row in rows]


@pytest.mark.parametrize("number", [1, 4, 5, 250])
async def test_any_number_of_rows_is_written_or_none(database: Database, org: str, number: int) -> None:
    """With one statement, a WITH list and executemany; after an exception nothing is written."""
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            for _ in range(number):
                await tx.insert(fiche(org))
            await tx.flush()
            raise ZeroDivisionError
    assert await database.read().all(FICHES, org=org) == []
    async with database.transaction() as tx:
        for _ in range(number):
            await tx.insert(fiche(org))
    assert len(await database.read().all(FICHES, org=org)) == number


@pytest.mark.parametrize("number", [2, 4, 7])
async def test_numbered_rows_keep_the_order_of_the_writing(database: Database, org: str, number: int) -> None:
    """The outbox depends on numbers that follow the order of the inserts."""
    messages = [f"{org}-{position}" for position in range(number)]
    async with database.transaction() as tx:
        for message in messages:
            tx.insert_at_commit(Journal(message=message))
    read = select(Journal.message).where(Journal.message.startswith(f"{org}-")).order_by(Journal.id)
    assert messages == await database.read().all(read)


async def test_rows_at_commit_come_after_the_others(database: Database, org: str) -> None:
    """They may refer to any row of the transaction."""
    async with database.transaction() as tx:
        row = fiche(org)
        tx.insert_at_commit(Piece(organisation_id=org, fiche_id=row.id))
        await tx.insert(row)
    assert len(await database.read().all(select(Piece).where(Piece.fiche_id == row.id))) == 1


async def test_several_tables_share_one_statement(database: Database, org: str) -> None:
    """A parent, its parts and a row of another table are written by one commit."""
    async with database.transaction() as tx:
        parent = await tx.insert(fiche(org))
        await tx.insert(Piece(organisation_id=org, fiche_id=parent.id))
        await tx.insert(Piece(organisation_id=org, fiche_id=parent.id))
        await tx.insert(Modele(organisation_id=org, nom="m"))
    found = await database.read().get_with(Fiche, parent.id, Piece.fiche_id)
    assert found is not None
    assert len(found[1]) == 2


async def test_nothing_is_seen_before_the_commit(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """Other transactions see the rows afterwards."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        await tx.flush()
        assert owner.execute("SELECT count(*) FROM fiches WHERE id = %s", (row.id,)).fetchone() == (0,)
    assert owner.execute("SELECT count(*) FROM fiches WHERE id = %s", (row.id,)).fetchone() == (1,)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"code": "x" * 21}, TextTooLong),
        ({"etat": "AUTRE"}, UnknownChoice),
        ({"etat": "ouverte"}, UnknownChoice),
        ({"organisation_id": ""}, OrganisationRequired),
    ],
)
async def test_a_row_its_table_would_not_take_is_refused_at_once(
    database: Database, org: str, values: dict[str, Any], refusal: type[Exception]
) -> None:
    """With the name of the column, before anything is sent."""
    async with database.transaction() as tx:
        with pytest.raises(refusal):
            await tx.insert(Fiche(**({"organisation_id": org, "code": "c"} | values)))
        with pytest.raises(refusal):
            tx.insert_at_commit(Fiche(**({"organisation_id": org, "code": "c"} | values)))
    assert await database.read().all(FICHES, org=org) == []


async def test_a_swallowed_error_cannot_pass_for_a_commit(database: Database, org: str) -> None:
    """The server answers COMMIT with ROLLBACK after an error; the caller gets SwallowedError."""
    async with database.transaction() as tx:
        await tx.insert(fiche(org, code="A"))
    with pytest.raises(SwallowedError):
        async with database.transaction() as tx:
            await tx.insert(fiche(org, code="B"))
            await tx.insert(fiche(org, code="A"))
            with pytest.raises(Conflict):
                await tx.flush()
    assert [one.code for one in await database.read().all(FICHES, org=org)] == ["A"]


async def test_a_transaction_cannot_be_used_after_its_end(database: Database, org: str) -> None:
    """Nothing would commit what is written then."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
    with pytest.raises(TransactionOver):
        await tx.get(Fiche, row.id)
    with pytest.raises(TransactionOver):
        await tx.insert(fiche(org))


async def test_statements_sent_at_once_take_turns_on_one_connection(database: Database, org: str) -> None:
    """A handler that runs several at once still has one transaction."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        found = await asyncio.gather(*(tx.get(Fiche, row.id) for _ in range(5)))
        assert [one.id for one in found if one] == [row.id] * 5
    held = [await pool_of(database).acquire() for _ in range(3)]
    for connection in held:
        pool_of(database).release(connection)


async def test_observers_hear_of_commits_that_wrote_their_table(database: Database, org: str) -> None:
    """After inserts, updates, deletes and statements; not after reads, rollbacks or other tables' writes."""
    heard: list[str] = []
    database.on_written(Fiche, lambda: heard.append("fiche"))
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        assert heard == []
    assert heard == ["fiche"]
    async with database.transaction() as tx:
        await tx.update(row, nom="x")
    async with database.transaction() as tx:
        await tx.execute(update(Fiche).where(Fiche.id == row.id).values(nom="y"))
    assert heard == ["fiche"] * 3
    async with database.transaction() as tx:
        await tx.get(Fiche, row.id)
        await tx.insert(Courriel(organisation_id=org, adresse=f"{org}@exemple.fr"))
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.insert(fiche(org))
            raise ZeroDivisionError
    assert heard == ["fiche"] * 3


async def test_followers_get_the_rows_that_were_committed(database: Database, org: str) -> None:
    """Inserted, changed or hidden, with their new values; nothing of what was rolled back."""
    heard: list[tuple[str, bool]] = []
    database.on_changed(Piece, lambda row: heard.append((row.libelle, row.supprime_le is None)))
    async with database.transaction() as tx:
        parent = await tx.insert(fiche(org))
        row = await tx.insert(Piece(organisation_id=org, fiche_id=parent.id, libelle="a"))
        assert heard == []
    async with database.transaction() as tx:
        await tx.update(row, libelle="b")
    async with database.transaction() as tx:
        await tx.delete(row)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.insert(Piece(organisation_id=org, fiche_id=parent.id, libelle="c"))
            raise ZeroDivisionError
    assert heard == [("a", True), ("b", True), ("b", False)]


async def test_a_row_without_an_id_is_named_by_its_whole_key(database: Database, org: str) -> None:
    """`get` takes the columns of the primary key in their order."""
    async with database.transaction() as tx:
        await tx.insert(Reglage(domaine="d", cle=org, valeur="v"))
    read = await database.read().get(Reglage, ("d", org))
    assert read is not None
    assert read.valeur == "v"
