"""A list that leaves columns out, on a table of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from db_utils import Database, Key, Listing, PageRequest, Row, Tenant, metadata
from db_utils.context import Scope, scope
from db_utils.migrations import Schema, migrate
from service_testing import empty_database
from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

MIGRATION = """
from alembic import op

revision, down_revision, branch_labels = "letters_0001", None, ("letters",)


def upgrade():
    op.execute(
        "CREATE TABLE letter (organisation_id varchar(64), id int PRIMARY KEY, body text, body_cle text)"
    )
"""


class Base(Row):
    """Tables of these tests."""

    __abstract__ = True
    metadata = metadata()


class Letter(Tenant, Base):
    """Something long."""

    __tablename__ = "letter"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str | None] = mapped_column(Text)
    body_cle: Mapped[str] = mapped_column(Key("body"), init=False)


LETTERS = Listing(Letter, sorts=("id desc",), search=Letter.body_cle, without=("body",))


@pytest.fixture
async def letters(tmp_path: Path) -> AsyncIterator[Database]:
    """Three letters of one organisation, one of another."""
    (tmp_path / "0001_letters.py").write_text(MIGRATION)
    url = empty_database()
    migrate(url, [Schema("letters", (tmp_path,))])
    database = Database(url, "letters")
    await database.open()
    async with database.transaction() as tx:
        for number, organisation in enumerate(("org-1", "org-1", "org-1", "org-2")):
            await tx.insert(Letter(organisation_id=organisation, id=number, body=f"letter {number}"))
    yield database
    await database.close()


async def test_rows_of_a_page_lack_the_columns_left_out(letters: Database) -> None:
    """Those are None, the others are read."""
    page = await LETTERS.page(letters.read(), PageRequest())
    assert [(row.id, row.organisation_id, row.body) for row in page.rows] == [
        (3, "org-2", None),
        (2, "org-1", None),
        (1, "org-1", None),
        (0, "org-1", None),
    ]


async def test_pages_scope_and_search_work_as_ever(letters: Database) -> None:
    """Also a search in a column that is left out."""
    token = scope.set(Scope("org-1"))
    try:
        first = await LETTERS.page(letters.read(), PageRequest(size=2, with_total=True))
        second = await LETTERS.page(letters.read(), PageRequest(size=2, token=first.next_token))
        found = await LETTERS.page(letters.read(), PageRequest(), search="TER 1")
    finally:
        scope.reset(token)
    assert [row.id for row in (*first.rows, *second.rows)] == [2, 1, 0]
    assert (first.total, second.next_token, [row.id for row in found.rows]) == (3, "", [1])
