"""The field at fault in a request for a page."""

import pytest
from db_utils import Entity, Listing, PageRequest, Reader, Row, metadata
from db_utils.errors import InvalidPage, InvalidPageSize, InvalidPageToken, UnknownOrder, UnknownSort
from db_utils.reader import Answer
from db_utils.statements import Statement, Values


class Base(Row):
    """Tables of this test."""

    __abstract__ = True
    metadata = metadata()


class Livre(Entity, Base):
    """A row to list."""

    __tablename__ = "livres"


class Unreached(Reader):
    """A database that nobody may ask."""

    async def _run(self, statement: Statement, values: Values) -> Answer:
        raise AssertionError(statement.sql)


@pytest.mark.parametrize(
    ("asked", "error", "field"),
    [
        (PageRequest(size=-1), InvalidPageSize, "page_size"),
        (PageRequest(token="x"), InvalidPageToken, "page_token"),
        (PageRequest(sort_by="auteur"), UnknownSort, "sort_by"),
        (PageRequest(sort_order="up"), UnknownOrder, "sort_order"),
    ],
)
async def test_the_field_at_fault_is_named(asked: PageRequest, error: type[InvalidPage], field: str) -> None:
    """Before the database is asked."""
    with pytest.raises(error) as refused:
        await Listing(Livre, sorts=("created_at",)).page(Unreached(), asked)
    assert refused.value.field == field
