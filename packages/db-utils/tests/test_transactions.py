"""What a transaction promises about its rows; how it fails is in `test_failures.py`."""

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
    VersionConflict,
    clock,
)
from db_utils.transaction import SwallowedError, TransactionOver
from sqlalchemy import bindparam, select, update
from tests.essais import Courriel, Fiche, Journal, Modele, Piece, Reglage, fiche

FICHES = select(Fiche).where(Fiche.organisation_id == bindparam("org")).order_by(Fiche.id)


async def test_an_insert_is_complete_before_it_is_sent(database: Database, org: str) -> None:
    """Id, times and version are there at once, as the handler's answer needs them."""
    instant = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with clock.frozen_at(instant):
        async with database.transaction() as tx:
            row = await tx.insert(fiche(org))
    assert (row.id.version, row.created_at, row.updated_at, row.version) == (7, instant, instant, 1)


async def test_every_type_comes_back_as_it_went(database: Database, org: str) -> None:
    """Texts, numbers, days, instants, JSON, arrays and NULLs survive the round trip."""
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
    """Inserts wait, but never behind a read of the same transaction."""
    async with database.transaction() as tx:
        rows = [await tx.insert(fiche(org)) for _ in range(3)]
        found = await tx.all(FICHES, org=org)
        assert await tx.get(Fiche, rows[0].id) is not None
    assert [row.id for row in found] == [row.id for row in rows]


async def test_an_update_follows_the_inserts_before_it(database: Database, org: str) -> None:
    """A row may be inserted and changed in one transaction."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        await tx.update(row, nom="après")
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert (read.nom, read.version) == ("après", 2)


@pytest.mark.parametrize("number", [1, 4, 5, 250])
async def test_any_number_of_rows_is_written_or_none(database: Database, org: str, number: int) -> None:
    """One statement, a WITH list, executemany: the same result, and nothing after an exception."""
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
    """The numbers that the server gives follow the order of the inserts: an outbox depends on it."""
    messages = [f"{org}-{position}" for position in range(number)]
    async with database.transaction() as tx:
        for message in messages:
            tx.insert_at_commit(Journal(message=message))
    read = select(Journal.message).where(Journal.message.startswith(f"{org}-")).order_by(Journal.id)
    assert messages == await database.read().all(read)


async def test_rows_at_commit_come_after_the_others(database: Database, org: str) -> None:
    """They may point at anything that the transaction writes."""
    async with database.transaction() as tx:
        row = fiche(org)
        tx.insert_at_commit(Piece(organisation_id=org, fiche_id=row.id))
        await tx.insert(row)
    assert len(await database.read().all(select(Piece).where(Piece.fiche_id == row.id))) == 1


async def test_several_tables_share_one_statement(database: Database, org: str) -> None:
    """A parent, its parts and a row of another table: all there after one commit."""
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
    """Others see the rows of a transaction when it is over."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        await tx.flush()
        assert owner.execute("SELECT count(*) FROM fiches WHERE id = %s", (row.id,)).fetchone() == (0,)
    assert owner.execute("SELECT count(*) FROM fiches WHERE id = %s", (row.id,)).fetchone() == (1,)


async def test_C09_an_update_that_changes_nothing_keeps_version_and_time(
    database: Database, org: str
) -> None:
    """The same values again are no change."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org, nom="x", montant=Decimal("1.00")))
    before = (row.version, row.updated_at)
    async with database.transaction() as tx:
        await tx.update(row, nom="x", montant=Decimal(1), donnees={})
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert before == (read.version, read.updated_at)


async def test_C09_a_change_raises_version_and_time(database: Database, org: str) -> None:
    """Both in the table and in the instance that the handler answers with."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
    instant = datetime(2030, 1, 1, tzinfo=UTC)
    with clock.frozen_at(instant):
        async with database.transaction() as tx:
            changed = await tx.update(row, expected=1, nom="y", instant=None, note="z")
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert (
        ("y", "z", 2, instant)
        == (changed.nom, changed.note, changed.version, changed.updated_at)
        == (read.nom, read.note, read.version, read.updated_at)
    )


async def test_C09_another_version_than_expected_is_refused(database: Database, org: str) -> None:
    """Before anything is sent."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
    with pytest.raises(VersionConflict):
        async with database.transaction() as tx:
            await tx.update(row, expected=2, nom="y")


async def test_C09_a_writer_in_between_is_noticed(database: Database, org: str) -> None:
    """The second of two writers that read the same version is refused, and its transaction undone."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
    stale = await database.read().get(Fiche, row.id)
    assert stale is not None
    async with database.transaction() as tx:
        await tx.update(row, nom="premier")
    with pytest.raises(VersionConflict):
        async with database.transaction() as tx:
            await tx.insert(fiche(org))
            await tx.update(stale, nom="second")
    assert [one.nom for one in await database.read().all(FICHES, org=org)] == ["premier"]


async def test_a_locked_row_waits_for_the_other_writer(database: Database, org: str) -> None:
    """`get` with lock reads what the first of two writers has left."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))

    async def add_one() -> None:
        async with database.transaction() as tx:
            mine = await tx.get(Fiche, row.id, lock=True)
            assert mine is not None
            await tx.update(mine, rang=mine.rang + 1)

    await asyncio.gather(*(add_one() for _ in range(20)))
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert (read.rang, read.version) == (20, 21)


async def test_C11_a_deleted_row_is_gone_or_hidden(
    database: Database, org: str, owner: psycopg.Connection
) -> None:
    """A table that keeps its deleted rows hides them from every read; the others lose them."""
    async with database.transaction() as tx:
        kept, lost = await tx.insert(fiche(org)), await tx.insert(Modele(organisation_id=org, nom="m"))
    async with database.transaction() as tx:
        await tx.delete(kept)
        await tx.delete(lost)
    assert await database.read().get(Fiche, kept.id) is None
    assert await database.read().get(Modele, lost.id) is None
    counts = (
        "SELECT (SELECT count(*) FROM fiches WHERE id = %s), (SELECT count(*) FROM modeles WHERE id = %s)"
    )
    assert owner.execute(counts, (kept.id, lost.id)).fetchone() == (1, 0)


async def test_C11_a_deleted_row_frees_its_place(database: Database, org: str) -> None:
    """Unique indexes of tables with kept rows hold the living ones only."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org, code="A"))
    async with database.transaction() as tx:
        await tx.delete(row)
        await tx.insert(fiche(org, code="A"))
    assert [one.code for one in await database.read().all(FICHES, org=org)] == ["A"]


async def test_execute_counts_the_rows_it_touched(database: Database, org: str) -> None:
    """An UPDATE by criteria, with its parameters named."""
    async with database.transaction() as tx:
        for rang in range(3):
            await tx.insert(fiche(org, rang=rang))
    close = (
        update(Fiche).where(Fiche.organisation_id == bindparam("org"), Fiche.rang > 0).values(etat="CLOSE")
    )
    async with database.transaction() as tx:
        assert await tx.execute(close, org=org) == 2


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
    """With the column's name, before the server is asked."""
    async with database.transaction() as tx:
        with pytest.raises(refusal):
            await tx.insert(Fiche(**({"organisation_id": org, "code": "c"} | values)))
        with pytest.raises(refusal):
            tx.insert_at_commit(Fiche(**({"organisation_id": org, "code": "c"} | values)))
    assert await database.read().all(FICHES, org=org) == []


@pytest.mark.parametrize("change", [{"code": "x" * 21}, {"etat": "AUTRE"}])
async def test_a_change_its_table_would_not_take_is_refused_at_once(
    database: Database, org: str, change: dict[str, Any]
) -> None:
    """The transaction is none the worse."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        with pytest.raises((TextTooLong, UnknownChoice)):
            await tx.update(row, **change)
        await tx.update(row, nom="bien")
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert read.nom == "bien"


async def test_a_swallowed_error_cannot_pass_for_a_commit(database: Database, org: str) -> None:
    """PostgreSQL answers COMMIT with ROLLBACK after an error: the caller must not hear OK."""
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
    """Nobody would commit what is written then."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
    with pytest.raises(TransactionOver):
        await tx.get(Fiche, row.id)
    with pytest.raises(TransactionOver):
        await tx.insert(fiche(org))


async def test_statements_sent_at_once_take_turns_on_one_connection(database: Database, org: str) -> None:
    """A transaction whose first statements are gathered still is one transaction."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        found = await asyncio.gather(*(tx.get(Fiche, row.id) for _ in range(5)))
        assert [one.id for one in found if one] == [row.id] * 5
    held = [await database.acquire() for _ in range(3)]
    for connection in held:
        database.release(connection)


async def test_observers_hear_of_commits_that_wrote_their_table(database: Database, org: str) -> None:
    """Of inserts, updates, deletes and statements; not of reads, other tables or rollbacks."""
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


async def test_a_row_without_an_id_is_named_by_its_whole_key(database: Database, org: str) -> None:
    """`get` takes the columns of the key in their order."""
    async with database.transaction() as tx:
        await tx.insert(Reglage(domaine="d", cle=org, valeur="v"))
    read = await database.read().get(Reglage, ("d", org))
    assert read is not None
    assert read.valeur == "v"
