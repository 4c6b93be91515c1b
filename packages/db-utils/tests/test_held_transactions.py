"""Transactions inside a held one: each fails alone, and the holder commits the others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from db_utils import Conflict, Database, Entity, Row, metadata
from db_utils.migrations import Schema, migrate
from service_testing import empty_database
from sqlalchemy import Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

MIGRATION = '''
from alembic import op

revision = "maison_0001"
down_revision = None
branch_labels = ("maison",)


def upgrade():
    op.execute("""CREATE TABLE pieces (
        nom varchar(20), id uuid PRIMARY KEY, created_at timestamptz, updated_at timestamptz, version int);
        CREATE UNIQUE INDEX uq_piece_nom ON pieces (nom)""")
'''


class Base(Row):
    """Tables of this test."""

    __abstract__ = True
    metadata = metadata()


class Piece(Entity, Base):
    """A row with a unique name."""

    __tablename__ = "pieces"
    __table_args__ = (Index("uq_piece_nom", "nom", unique=True),)
    nom: Mapped[str] = mapped_column(String(20))


@pytest.fixture
async def maison(tmp_path: Path) -> AsyncIterator[Database]:
    """A schema with one table."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_maison.py").write_text(MIGRATION)
    url = empty_database()
    migrate(url, [Schema("maison", (folder,))])
    database = Database(url, "maison")
    await database.open()
    yield database
    await database.close()


async def add(database: Database, nom: str, followed_by: str = "") -> Piece:
    """Insert a piece, and another one with the commit, in a transaction of their own."""
    async with database.transaction() as tx:
        if followed_by:
            tx.insert_at_commit(Piece(nom=followed_by))
        return await tx.insert(Piece(nom=nom))


async def names(database: Database) -> list[str]:
    """The names in the table, sorted."""
    return await database.read().all(select(Piece.nom).order_by(Piece.nom))


async def test_an_inner_failure_is_undone_alone(maison: Database) -> None:
    """With its rows and those that it left for the commit; the others are committed."""
    first = await add(maison, "cave")
    async with maison.held():
        await add(maison, "cuisine")
        with pytest.raises(Conflict) as refused:
            await add(maison, "cave", followed_by="grenier")
        await add(maison, "salon", followed_by="terrasse")
    assert refused.value.existing_id == first.id
    assert await names(maison) == ["cave", "cuisine", "salon", "terrasse"]


async def lose(database: Database) -> None:
    """Insert a row and fail with an exception that is no DatabaseError."""
    async with database.transaction() as tx:
        await tx.insert(Piece(nom="cave"))
        await tx.flush()
        raise LookupError


async def test_any_exception_undoes_the_inner_transaction(maison: Database) -> None:
    """Also one that the database layer does not know."""
    async with maison.held():
        with pytest.raises(LookupError):
            await lose(maison)
    assert await names(maison) == []


async def hold(database: Database, *added: str) -> None:
    """Hold a transaction around one for each name in *added*."""
    async with database.held():
        for nom in added:
            await add(database, nom)


async def test_an_inner_failure_that_nobody_catches_undoes_all(maison: Database) -> None:
    """The held transaction is rolled back."""
    await add(maison, "cave")
    with pytest.raises(Conflict):
        await hold(maison, "cuisine", "cave")
    assert await names(maison) == ["cave"]
