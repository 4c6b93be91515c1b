"""Work that names no organisation although it might: it reads one row by its id, and nothing else (C6)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from db_utils import BY_ID, Database, Listing, OrganisationRequired, PageRequest, Transaction
from sqlalchemy import delete, func, insert, select, update
from tests.essais import Fiche, Modele, Piece, Reglage, fiche, seen_by

Work = Callable[[Transaction, Fiche], Awaitable[Any]]
_LISTING = Listing(Fiche, sorts=("code",))


@pytest.fixture
async def row(database: Database, org: str) -> Fiche:
    """A row with one part."""
    one = fiche(org, nom="before")
    async with database.transaction() as tx:
        await tx.insert(one)
        await tx.insert(Piece(organisation_id=org, fiche_id=one.id, libelle="part"))
    return one


async def test_C6_a_row_is_read_by_its_id(database: Database, row: Fiche) -> None:
    """Alone and with its parts; a deleted row is none."""
    with seen_by(BY_ID):
        read = await database.read().get(Fiche, str(row.id))
        both = await database.read().get_with(Fiche, row.id, Piece.fiche_id)
    assert read is not None
    assert both is not None
    assert (read.nom, [part.libelle for part in both[1]]) == ("before", ["part"])
    async with database.transaction() as tx:
        await tx.delete(read)
    with seen_by(BY_ID):
        assert await database.read().get(Fiche, row.id) is None


REFUSED: dict[str, Work] = {
    "select": lambda tx, row: tx.one(select(Fiche).where(Fiche.id == row.id)),
    "count": lambda tx, row: tx.one(select(func.count()).select_from(Fiche)),
    "select of the system's": lambda tx, row: tx.all(select(Modele)),
    "list": lambda tx, row: _LISTING.page(tx, PageRequest()),
    "lock": lambda tx, row: tx.get(Fiche, row.id, lock=True),
    "lock of a malformed id": lambda tx, row: tx.get(Fiche, "x", lock=True),
    "insert": lambda tx, row: tx.insert(fiche(row.organisation_id)),
    "insert if absent": lambda tx, row: tx.insert(fiche(row.organisation_id), if_absent=True),
    "insert now": lambda tx, row: tx.insert_if_absent(fiche(row.organisation_id)),
    "insert statement": lambda tx, row: tx.execute(
        insert(Modele).values(id=row.id, organisation_id=row.organisation_id, nom="n")
    ),
    "change": lambda tx, row: tx.update(row, nom="after"),
    "change of nothing": lambda tx, row: tx.update(row, nom="before"),
    "update": lambda tx, row: tx.execute(update(Fiche).where(Fiche.id == row.id).values(nom="after")),
    "delete": lambda tx, row: tx.delete(row),
    "delete statement": lambda tx, row: tx.execute(delete(Piece).where(Piece.fiche_id == row.id)),
}


@pytest.mark.parametrize("work", REFUSED.values(), ids=REFUSED)
async def test_C6_all_else_needs_an_organisation(database: Database, row: Fiche, work: Work) -> None:
    """Lists, locks and changes of rows of organisations are refused, and nothing has happened."""
    with seen_by(BY_ID), pytest.raises(OrganisationRequired):
        async with database.transaction() as tx:
            await work(tx, row)
    rows = select(Fiche.nom).where(Fiche.organisation_id == row.organisation_id)
    assert await database.read().all(rows) == ["before"]
    assert await database.read().all(select(Piece.libelle).where(Piece.fiche_id == row.id)) == ["part"]


async def test_C6_rows_of_no_organisation_need_none(database: Database, org: str) -> None:
    """Those of a table without organisations, and a new one of the system."""
    with seen_by(BY_ID):
        async with database.transaction() as tx:
            await tx.insert(Modele(organisation_id=None, nom=org))
            await tx.insert(Reglage(domaine="d", cle=org, valeur="v"))
            assert await tx.execute(update(Reglage).where(Reglage.cle == org).values(valeur="w")) == 1
        assert await database.read().all(select(Reglage.valeur).where(Reglage.cle == org)) == ["w"]
    assert await database.read().all(select(Modele.organisation_id).where(Modele.nom == org)) == [None]
