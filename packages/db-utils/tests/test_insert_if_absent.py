"""Inserts that a unique constraint may leave out, on a table of their own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from db_utils import Database, OrganisationRequired, Row, Tenant, TextTooLong, metadata
from db_utils.migrations import Schema, migrate
from service_testing import empty_database, eventually
from sqlalchemy import String, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

MIGRATION = """
from alembic import op

revision, down_revision, branch_labels = "places_0001", None, ("places",)


def upgrade():
    op.execute("CREATE TABLE place (organisation_id varchar(64), nom varchar(10) PRIMARY KEY, rang integer)")
"""


class Base(Row):
    """Tables of these tests."""

    __abstract__ = True
    metadata = metadata()


class Place(Tenant, Base):
    """A place that one row can take."""

    __tablename__ = "place"

    nom: Mapped[str] = mapped_column(String(10), primary_key=True)
    rang: Mapped[int]


def place(rang: int, nom: str = "a", organisation_id: str = "org-123") -> Place:
    """A row for place *nom*."""
    return Place(organisation_id=organisation_id, nom=nom, rang=rang)


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty table of places."""
    (tmp_path / "0001_places.py").write_text(MIGRATION)
    url = empty_database()
    migrate(url, [Schema("places", (tmp_path,))])
    database = Database(url, "places")
    await database.open()
    yield database
    await database.close()


_HOW_MANY = select(func.count()).select_from(Place)


async def taken_by(places: Database) -> int | None:
    """The row that has place "a"."""
    return await places.read().one(select(Place.rang).where(Place.nom == "a"))


async def test_the_first_row_takes_the_place(places: Database) -> None:
    """The second insert returns False and changes nothing."""
    written = []
    for rang in (1, 2):
        async with places.transaction() as tx:
            written.append(await tx.insert_if_absent(place(rang)))
    assert (written, await taken_by(places)) == ([True, False], 1)


async def test_a_place_taken_in_the_same_transaction_is_taken(places: Database) -> None:
    """Also by an insert that was only collected until then."""
    async with places.transaction() as tx:
        await tx.insert(place(1))
        written = await tx.insert_if_absent(place(2))
    assert (written, await taken_by(places)) == (False, 1)


async def test_a_place_is_free_again_when_its_taker_rolls_back(places: Database) -> None:
    """An insert that meets an uncommitted row waits for the end of its transaction."""
    waiting = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))
    second: asyncio.Task[bool] | None = None

    async def take(rang: int) -> bool:
        async with places.transaction() as tx:
            return await tx.insert_if_absent(place(rang))

    async def take_and_give_up() -> None:
        nonlocal second
        async with places.transaction() as tx:
            await tx.insert_if_absent(place(1))
            second = asyncio.create_task(take(2))
            await eventually(lambda: places.read().one(waiting))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await take_and_give_up()
    assert second is not None
    assert (await second, await taken_by(places)) == (True, 2)


async def test_rows_that_need_no_answer_wait_for_the_commit(places: Database) -> None:
    """Many rows at once, of which two have the same name: the first one stays."""
    async with places.transaction() as tx:
        for rang in (1, 2, 3):
            await tx.insert(place(rang), if_absent=True)
            await tx.insert(place(rang, nom=f"b{rang}"), if_absent=True)
    assert (await taken_by(places), await places.read().one(_HOW_MANY)) == (1, 4)


async def test_a_read_sees_rows_that_waited(places: Database) -> None:
    """Like all inserts of its transaction."""
    async with places.transaction() as tx:
        await tx.insert(place(1))
        await tx.insert(place(2), if_absent=True)
        seen = await tx.one(select(Place.rang).where(Place.nom == "a"))
    assert seen == 1


async def test_a_row_without_room_harms_none_of_its_neighbours(places: Database) -> None:
    """Ordinary inserts of the same commit are written."""
    async with places.transaction() as tx:
        await tx.insert(place(1))
    async with places.transaction() as tx:
        await tx.insert(place(2), if_absent=True)
        await tx.insert(place(3, nom="b"))
    assert (await taken_by(places), await places.read().one(_HOW_MANY)) == (1, 2)


async def test_observers_hear_of_a_row_that_was_written_only(places: Database) -> None:
    """A job is woken by a new row and not by an insert without effect."""
    heard: list[str] = []
    places.on_written(Place, lambda: heard.append("written"))
    for rang in (1, 2):
        async with places.transaction() as tx:
            await tx.insert_if_absent(place(rang))
    assert heard == ["written"]


async def test_a_row_that_does_not_fit_is_refused(places: Database) -> None:
    """The checks of an insert apply."""
    async with places.transaction() as tx:
        with pytest.raises(TextTooLong):
            await tx.insert_if_absent(place(1, nom="x" * 11))
        with pytest.raises(OrganisationRequired):
            await tx.insert(place(1, organisation_id=""), if_absent=True)
