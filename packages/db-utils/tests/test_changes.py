"""Updates and deletes: versions, locks, rows that are kept."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from db_utils import (
    Database,
    TextTooLong,
    UnknownChoice,
    VersionConflict,
    clock,
)
from sqlalchemy import bindparam, select, update
from tests.essais import Fiche, Modele, fiche

FICHES = select(Fiche).where(Fiche.organisation_id == bindparam("org")).order_by(Fiche.id)


async def test_an_update_follows_the_inserts_before_it(database: Database, org: str) -> None:
    """A row can be inserted and changed in one transaction."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        await tx.update(row, nom="après")
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert (read.nom, read.version) == ("après", 2)


async def test_C09_an_update_that_changes_nothing_keeps_version_and_time(
    database: Database, org: str
) -> None:
    """Writing the values that a row has is no change."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org, nom="x", montant=Decimal("1.00")))
    before = (row.version, row.updated_at)
    async with database.transaction() as tx:
        await tx.update(row, nom="x", montant=Decimal(1), donnees={})
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert before == (read.version, read.updated_at)


async def test_C09_a_change_raises_version_and_time(database: Database, org: str) -> None:
    """In the table and in the instance that the handler returns."""
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
    """Nothing is sent to the server."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
    with pytest.raises(VersionConflict):
        async with database.transaction() as tx:
            await tx.update(row, expected=2, nom="y")


async def test_C09_a_writer_in_between_is_noticed(database: Database, org: str) -> None:
    """Of two writers that read the same version the second is refused, and its transaction undone."""
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
    """`get` with a lock reads what the first of two writers has committed."""
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
    """A table with SoftDelete hides deleted rows from every read; other tables lose them."""
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
    """Unique indexes of tables with SoftDelete hold living rows only."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org, code="A"))
    async with database.transaction() as tx:
        await tx.delete(row)
        await tx.insert(fiche(org, code="A"))
    assert [one.code for one in await database.read().all(FICHES, org=org)] == ["A"]


async def test_execute_counts_the_rows_it_touched(database: Database, org: str) -> None:
    """An UPDATE by criteria, with named parameters."""
    async with database.transaction() as tx:
        for rang in range(3):
            await tx.insert(fiche(org, rang=rang))
    close = (
        update(Fiche).where(Fiche.organisation_id == bindparam("org"), Fiche.rang > 0).values(etat="CLOSE")
    )
    async with database.transaction() as tx:
        assert await tx.execute(close, org=org) == 2


@pytest.mark.parametrize("change", [{"code": "x" * 21}, {"etat": "AUTRE"}])
async def test_a_change_its_table_would_not_take_is_refused_at_once(
    database: Database, org: str, change: dict[str, Any]
) -> None:
    """The transaction can go on."""
    async with database.transaction() as tx:
        row = await tx.insert(fiche(org))
        with pytest.raises((TextTooLong, UnknownChoice)):
            await tx.update(row, **change)
        await tx.update(row, nom="bien")
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert read.nom == "bien"
